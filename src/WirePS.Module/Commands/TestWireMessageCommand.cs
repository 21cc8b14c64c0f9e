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

    /// <summary>A message of this home, by id.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ById)]
    [ValidateNotNullOrEmpty]
    public string Id { get; set; } = "";

    /// <summary>A file with one event.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByPath)]
    [ValidateNotNullOrEmpty]
    [Alias("FullName", "LiteralPath", "PSPath")]
    public string Path { get; set; } = "";

    /// <inheritdoc/>
    protected override Task ProcessAsync() => TryAsync(async () => WriteObject(ParameterSetName switch
    {
        ById => Check(Id),
        ByPath => Show(Engine.EventCheck.Check(await ReadAsync(SessionState.Path.GetUnresolvedProviderPathFromPSPath(Path)))),
        _ => Show(Engine.EventCheck.Check(Encoding.UTF8.GetBytes(Json))),
    }));

    private WireEventVerdict Show(EventFinding finding) => WireEventVerdict.Of(finding, Engine);

    private WireEventVerdict Check(string id)
    {
        var history = Engine.History;
        return history.FindReceived(id) is { } entry ? Show(history.EventOf(entry) is { } stored ? Engine.EventCheck.Check(stored) : Engine.EventCheck.Check([]))
            : history.FindWaiting(id) is { } waiting ? Show(Engine.EventCheck.Check(waiting))
            : history.FindSent(id) is { } sent ? WireEventVerdict.Of(sent, Engine)
            : throw Missing.Of(WireReason.MessageNotFound, "This home has neither received nor sent a message {0}.", id);
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
