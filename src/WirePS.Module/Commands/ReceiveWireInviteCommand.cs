using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Ceremony;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Pairing;

namespace WirePS.Module.Commands;

/// <summary>Accepts an invite.</summary>
[Cmdlet(VerbsCommunications.Receive, "WireInvite", SupportsShouldProcess = true, DefaultParameterSetName = ByUrl)]
[OutputType(typeof(WirePendingPair))]
public sealed class ReceiveWireInviteCommand : PairCmdlet
{
    private const string ByUrl = "Url";
    private const string ByClipboard = "Clipboard";

    /// <summary>The invite, as it was passed on.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByUrl, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public string? Url { get; set; }

    /// <summary>Takes the invite from the clipboard.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByClipboard)]
    public SwitchParameter FromClipboard { get; set; }

    /// <summary>Returns at once; the daemon or a tick does the rest.</summary>
    [Parameter]
    public SwitchParameter Detach { get; set; }

    /// <summary>Accepts over a relay that this home would not use by itself: in a private network, or reached by plain http.</summary>
    [Parameter]
    public SwitchParameter AllowInsecureRelay { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var text = await engine.Invites.FetchAsync(Pasted.Joined(FromClipboard ? Clipboard() : Url!), Cancellation);
        var invite = WireInviteContent.Of(engine.Invites.Read(text).Payload, engine);
        if (!ShouldProcess($"{invite.Did}, {invite.Fingerprint}, over {invite.Relay}", "Accept the invite of"))
        {
            return;
        }

        var (key, pair) = await engine.Invites.AcceptAsync(text, AllowInsecureRelay, Cancellation);
        if (Detach)
        {
            WarnWithoutDaemon(engine);
            WriteObject(Show(pair));
            return;
        }

        try
        {
            WriteObject(Show(await InviteCeremony.RunAsync(engine, key, pair, ShowProgress, Cancellation)));
        }
        catch (OperationCanceledException)
        {
            // A stopped pipeline takes no warnings any more.
            Host.UI.WriteWarningLine(InviteWords.Left(pair.Id));
            throw;
        }
    }

    // What has a clipboard and what has none, PowerShell knows.
    private string Clipboard()
    {
        try
        {
            return string.Concat(InvokeCommand.InvokeScript("Get-Clipboard -Raw").Select(static line => line?.ToString()));
        }
        catch (Exception error) when (error is RuntimeException or System.ComponentModel.Win32Exception)
        {
            throw new WireException(WireReason.InvalidInvite, "The clipboard cannot be read here; give the invite with -Url.", inner: error);
        }
    }

    private void ShowProgress(PendingPair pair) =>
        WriteProgress(new ProgressRecord(0, "Accepting an invite", PairWords.Next(pair))
        {
            RecordType = pair.IsEnded ? ProgressRecordType.Completed : ProgressRecordType.Processing,
        });
}
