using System.Management.Automation;
using System.Management.Automation.Host;
using WirePS.Module.Binding;
using WirePS.Module.Ceremony;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Begins a pairing: makes a code, or joins with one.</summary>
[Cmdlet(VerbsCommon.New, "WirePair", SupportsShouldProcess = true)]
[OutputType(typeof(WirePendingPair))]
public sealed class NewWirePairCommand : PairCmdlet, ICeremonyView
{
    /// <summary>The code that the other side read out; without it a new one is made.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    public string? Code { get; set; }

    /// <summary>Returns at once; the daemon or a tick does the rest.</summary>
    [Parameter]
    public SwitchParameter Detach { get; set; }

    /// <summary>The relay to meet on.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Relay { get; set; }

    /// <summary>Accepts a relay that is reached by plain http on another machine.</summary>
    [Parameter]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <summary>The protocol of a new code; V1 only for a peer whose program knows nothing else.</summary>
    [Parameter]
    public PairProtocolVersion Protocol { get; set; } = PairProtocolVersion.V2;

    /// <summary>How long both sides have until they must have confirmed.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? ExpiresIn { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        DurationAttribute.Require(ExpiresIn);
        if (!Detach && !Person.IsPresent(Host))
        {
            throw new WireException(WireReason.DigitsRequired, PairWords.NobodyHere);
        }

        var engine = Engine;
        if (!ShouldProcess(engine.Home.Root, Code is null ? "Begin a pairing" : "Join a pairing"))
        {
            return;
        }

        var (key, pair) = await engine.Pairing.RequestAsync(new PairWish { Code = Code, Relay = Relay, AllowInsecureRelay = AllowInsecureRelay, Lifetime = ExpiresIn, Protocol = (int)Protocol }, Cancellation);
        if (pair is { Protocol: 1, Role: PairRole.Host })
        {
            WriteWarning(PairWords.V1Risk);
        }

        if (Detach)
        {
            WarnWithoutDaemon(engine);
            WriteObject(Show(pair));
            return;
        }

        Tell(pair.Role == PairRole.Host ? PairWords.ToTell(pair, Show(pair).IsDefaultRelay) : PairWords.Joined);
        try
        {
            WriteObject(Show(await PairCeremony.RunAsync(engine, key, pair.Id, this, Cancellation)));
        }
        catch (OperationCanceledException)
        {
            // A stopped pipeline takes no warnings any more.
            Host.UI.WriteWarningLine(PairWords.Left(pair, Show(pair).IsDefaultRelay));
            throw;
        }
    }

    /// <inheritdoc/>
    public void Tell(string text)
    {
        ShowProgress(null);
        Host.UI.WriteLine(text);
    }

    /// <inheritdoc/>
    void ICeremonyView.Progress(PendingPair pair) => ShowProgress(pair);

    /// <inheritdoc/>
    string? ICeremonyView.AskDigits() => Person.Ask(Host, PairWords.DigitsQuestion);

    /// <summary>Shows where the pairing stands; nothing while something is to be read, and after the end.</summary>
    private void ShowProgress(PendingPair? pair) =>
        WriteProgress(new ProgressRecord(0, "Pairing", pair is null ? "-" : PairWords.Next(pair))
        {
            RecordType = pair is null or { IsEnded: true } ? ProgressRecordType.Completed : ProgressRecordType.Processing,
        });
}
