using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using WirePS.Invites;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Makes an invite: a URL that lets others pair with this home.</summary>
[Cmdlet(VerbsCommon.New, "WireInvite", SupportsShouldProcess = true)]
[OutputType(typeof(WireNewInvite))]
public sealed class NewWireInviteCommand : WireCmdlet
{
    /// <summary>How long it can be accepted.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? ExpiresIn { get; set; }

    /// <summary>How many others may accept it.</summary>
    [Parameter]
    [ValidateRange(1, InviteOperations.MostUses)]
    public int Uses { get; set; } = 1;

    /// <summary>A name for it, given to those that accept it too.</summary>
    [Parameter(Position = 0)]
    [ValidateLength(1, 64)]
    public string? Label { get; set; }

    /// <summary>The relay that answers come by.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Relay { get; set; }

    /// <summary>Accepts a relay that is reached by plain http on another machine.</summary>
    [Parameter]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <summary>V1 only for those whose program knows nothing else.</summary>
    [Parameter]
    public PairProtocolVersion Protocol { get; set; } = PairProtocolVersion.V2;

    /// <summary>Leaves the invite with the relay, under a short URL.</summary>
    [Parameter]
    [SuppressMessage("Naming", "CA1720", Justification = "Short is what the URL becomes.")]
    public SwitchParameter Short { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        DurationAttribute.Require(ExpiresIn);
        var engine = Engine;
        if (!ShouldProcess(engine.Home.Root, Short ? "Make an invite and leave it with the relay" : "Make an invite"))
        {
            return;
        }

        var wish = new InviteWish { Relay = Relay, AllowInsecureRelay = AllowInsecureRelay, Lifetime = ExpiresIn, Uses = Uses, Label = Label, Protocol = (int)Protocol };
        var (invite, url) = await engine.Invites.MintAsync(wish, Cancellation);
        if (Protocol == PairProtocolVersion.V1)
        {
            WriteWarning(InviteWords.V1Risk);
        }

        var text = url.Text;
        if (Short)
        {
            (text, var ends) = await engine.Invites.ShortenAsync(invite, url, Cancellation);
            WriteWarning(InviteWords.ShortRisk(ends));
        }

        WarnWithoutDaemon(engine);
        WriteObject(WireNewInvite.Of(invite, text, engine));
    }
}
