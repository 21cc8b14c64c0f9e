using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Compares the digits that the other side reads out, and confirms the pairing where they fit.</summary>
[Cmdlet(VerbsLifecycle.Confirm, "WirePair", SupportsShouldProcess = true, DefaultParameterSetName = ById)]
[OutputType(typeof(WirePendingPair))]
public sealed class ConfirmWirePairCommand : PairActionCmdlet
{
    /// <summary>The six digits that the other side reads out. Never taken from the pipeline.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [Digits]
    public string? Digits { get; set; }

    /// <summary>Gives the pairing out.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ActAsync(PairFile file, PendingPair pair)
    {
        var typed = Digits is null ? null : DigitsAttribute.Require(Digits);
        if (!ShouldProcess(pair.ToString(), "Compare the digits and confirm"))
        {
            return;
        }

        var confirmed = typed is not null || pair.Status == PairStatus.SasReady
            ? await Engine.Pairing.ConfirmAsync(file.Key, typed ?? AskForDigits(pair), Cancellation)
            : RequireConfirmed(pair);
        WarnWithoutDaemon(Engine);
        if (PassThru)
        {
            WriteObject(Show(confirmed));
        }
    }

    // Nobody is asked about a pairing that cannot be confirmed.
    private static PendingPair RequireConfirmed(PendingPair pair) => pair.Status switch
    {
        PairStatus.Confirmed or PairStatus.Paired => pair,
        _ => throw new WireException(pair.IsEnded ? WireReason.PairEnded : WireReason.PairNotReady, null, pair.Id),
    };

    private string AskForDigits(PendingPair pair)
    {
        if (!Person.IsPresent(Host))
        {
            throw new WireException(WireReason.DigitsRequired, null, pair.Id);
        }

        Host.UI.WriteLine(PairWords.Compare(pair, PairWords.PeerKeyOf(pair, Engine)));
        return Person.Ask(Host, PairWords.DigitsQuestion) ?? throw new WireException(WireReason.DigitsRequired, null, pair.Id);
    }
}
