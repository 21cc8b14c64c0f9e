using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Shows an invite as a QR code in the terminal.</summary>
[Cmdlet(VerbsCommon.Show, "WireInvite")]
[OutputType(typeof(string))]
public sealed class ShowWireInviteCommand : WireCmdlet
{
    private const int FrameWidth = 8;

    /// <summary>The invite, or its short URL.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public string? Url { get; set; }

    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        var text = Pasted.Joined(Url!);

        // Only what an invite is made of is drawn: whoever scans it follows it.
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            text = Engine.Invites.Read(text).Text;
        }

        var lines = QrText.Lines(text);
        var width = lines[0].Count(static c => c is ' ' or '█' or '▀' or '▄');
        if (HostLimits.WindowWidth(Host) is > FrameWidth and var window && window < width)
        {
            throw new WireException(WireReason.WindowTooNarrow, $"The QR code is {width} columns wide and the window has {window}.");
        }

        WriteObject(lines, enumerateCollection: true);
        return Task.CompletedTask;
    }
}
