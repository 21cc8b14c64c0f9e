using System.Management.Automation;
using WirePS.Handshakes;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Writes the peers of a home into another program's trust file.</summary>
[Cmdlet(VerbsData.Export, "WireTrust", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportWireTrustCommand : WireCmdlet
{
    /// <summary>The file. What stands in it already stays; peers with the same node id take the place of theirs.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("FullName", "LiteralPath", "PSPath")]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    /// <summary>Gives the file out.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override bool LooksOnly => true;

    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        var engine = Engine;
        var path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(Path);
        var file = engine.Files.ReadOpen(path, ForeignTrustFile.MaxBytes) is { } bytes ? ForeignTrustFile.Parse(bytes, path) : ForeignTrustFile.Empty;
        var peers = engine.TrustExchange.Export();
        foreach (var (peer, record) in peers)
        {
            if (file.Trusted.Any(t => t.NodeId == record.NodeId && t.PublicKey.Length > 0 && t.PublicKey != record.PublicKey))
            {
                WriteWarning($"Node {record.NodeId} has another key in '{path}' than {peer.Did}; it was left as it is.");
                continue;
            }

            file.Set(record);
        }

        // What came without a key goes back without one, where that program has not bound it since.
        foreach (var record in engine.TrustExchange.Unbound().Where(u => file.Trusted.All(t => t.NodeId != u.NodeId)))
        {
            file.Set(record);
        }

        if (ShouldProcess(path, $"Write {peers.Count} peers"))
        {
            engine.Files.WritePrivate(path, file.ToBytes());
            if (PassThru)
            {
                WriteObject(new FileInfo(path));
            }
        }

        return Task.CompletedTask;
    }
}
