using System.Management.Automation;
using System.Text;
using WirePS.Messaging;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Checks the signature of events, without taking them.</summary>
[Cmdlet(VerbsDiagnostic.Test, "WireMessage", DefaultParameterSetName = ByText)]
[OutputType(typeof(WireEventVerdict))]
public sealed class TestWireMessageCommand : WireCmdlet
{
    private const string ByText = "Json";
    private const string ById = "Id";
    private const string ByPath = "Path";
    private const int MaxFileBytes = 1024 * 1024;

    /// <summary>The events as JSON text.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ByText)]
    [AllowEmptyString]
    public string[] Json { get; set; } = [];

    /// <summary>Messages that this home has received, by id.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ById)]
    [ValidateNotNullOrEmpty]
    public string[] Id { get; set; } = [];

    /// <summary>Files with one event each.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByPath)]
    [ValidateNotNullOrEmpty]
    [Alias("PSPath")]
    public string[] Path { get; set; } = [];

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var text in ParameterSetName == ByText ? Json : [])
        {
            Show(Engine.EventCheck.Check(Encoding.UTF8.GetBytes(text)));
        }

        foreach (var id in ParameterSetName == ById ? Id : [])
        {
            await TryAsync(() =>
            {
                Show(Engine.History.FindReceived(id) is { } entry
                    ? Engine.History.EventOf(entry) is { } stored ? Engine.EventCheck.Check(stored) : Engine.EventCheck.Check([])
                    : throw new WireException(WireReason.MessageNotFound, null, Printable.Of(id)));
                return Task.CompletedTask;
            });
        }

        foreach (var path in ParameterSetName == ByPath ? Path : [])
        {
            await TryAsync(async () => Show(Engine.EventCheck.Check(await ReadAsync(SessionState.Path.GetUnresolvedProviderPathFromPSPath(path)))));
        }
    }

    private void Show(EventFinding finding) => WriteObject(WireEventVerdict.Of(finding, Engine));

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
