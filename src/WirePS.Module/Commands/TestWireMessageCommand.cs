using System.Management.Automation;
using System.Text;
using WirePS.Messaging;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Checks the signature of events, without taking them.</summary>
[Cmdlet(VerbsDiagnostic.Test, "WireMessage", DefaultParameterSetName = ById)]
[OutputType(typeof(WireEventVerdict))]
public sealed class TestWireMessageCommand : WireCmdlet
{
    private const string ByText = "Json";
    private const string ById = "Id";
    private const string ByPath = "Path";
    private const int MaxFileBytes = 1024 * 1024;

    /// <summary>An event as JSON text.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ByText)]
    [AllowEmptyString]
    public string Json { get; set; } = "";

    /// <summary>A message that this home has received, by id.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ById)]
    [ValidateNotNullOrEmpty]
    public string Id { get; set; } = "";

    /// <summary>A file with one event.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByPath)]
    [ValidateNotNullOrEmpty]
    [Alias("PSPath")]
    public string Path { get; set; } = "";

    /// <inheritdoc/>
    protected override Task ProcessAsync() => TryAsync(async () => WriteObject(WireEventVerdict.Of(
        ParameterSetName switch
        {
            ById => CheckReceived(),
            ByPath => Engine.EventCheck.Check(await ReadAsync(SessionState.Path.GetUnresolvedProviderPathFromPSPath(Path))),
            _ => Engine.EventCheck.Check(Encoding.UTF8.GetBytes(Json)),
        },
        Engine)));

    private EventFinding CheckReceived()
    {
        var entry = Engine.History.FindReceived(Id) ?? throw new WireException(WireReason.MessageNotFound, null, Printable.Of(Id));
        return Engine.History.EventOf(entry) is { } stored ? Engine.EventCheck.Check(stored) : Engine.EventCheck.Check([]);
    }

    private async Task<byte[]> ReadAsync(string path)
    {
        try
        {
            // Somebody else's file: it need not be private.
            var file = new FileInfo(path);
            return file.Exists && file.Length > MaxFileBytes ? [] : await File.ReadAllBytesAsync(path, Cancellation);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new WireException(WireReason.FileUnreadable, "The file could not be read.", path, error);
        }
    }
}
