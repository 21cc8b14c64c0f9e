using System.Management.Automation;
using WirePS.Devices;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Makes a token by which another machine becomes a device of this home's identity, or of one that this home is a device of.</summary>
[Cmdlet(VerbsCommon.New, "WirePairToken", SupportsShouldProcess = true)]
[OutputType(typeof(WireNewPairToken))]
public sealed class NewWirePairTokenCommand : WireCmdlet
{
    /// <summary>The DID of the identity: one that this home is a device of, or nothing for this home's own.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Principal { get; set; }

    /// <summary>A name for the device.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string? Label { get; set; }

    /// <summary>How long the token lives.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? ExpiresIn { get; set; }

    /// <summary>What the device may do: some of add, send, receive.</summary>
    [Parameter]
    [ValidateSet("add", "send", "receive")]
    public string[]? Right { get; set; }

    /// <summary>The relay that the other machine asks over.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Relay { get; set; }

    /// <summary>Accepts a relay that is reached by plain http on another machine.</summary>
    [Parameter]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        DurationAttribute.Require(ExpiresIn);
        var wish = new PairTokenWish(Principal ?? "")
        {
            Label = Label,
            ExpiresIn = ExpiresIn,
            Rights = Right is null ? null : DeviceRightsText.Parse(Right.Select(static r => r.ToLowerInvariant())),
        };
        if (!ShouldProcess(engine.Home.Root, "Make a pair token"))
        {
            return;
        }

        var minted = await engine.DeviceOperations.MintAsync(wish, Relay, AllowInsecureRelay, Cancellation);
        WarnWithoutDaemon(engine);
        WriteObject(WireNewPairToken.Of(minted, engine));
    }
}
