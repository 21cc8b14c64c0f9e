using System.Management.Automation;
using WirePS.Handshakes;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Takes trust over from another program's trust file.</summary>
[Cmdlet(VerbsData.Import, "WireTrust", SupportsShouldProcess = true)]
[OutputType(typeof(WireImportedTrust))]
public sealed class ImportWireTrustCommand : WireCmdlet
{
    /// <summary>The file, <c>trust.json</c> of the other program.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("FullName", "LiteralPath", "PSPath")]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var engine = Engine;
        var path = SessionState.Path.GetUnresolvedProviderPathFromPSPath(Path);
        var bytes = engine.Files.ReadOpen(path, ForeignTrustFile.MaxBytes) ?? throw new WireException(WireReason.FileUnreadable, "There is no such file.", path);
        var file = ForeignTrustFile.Parse(bytes, path);
        if (file.Skipped > 0)
        {
            WriteWarning($"{file.Skipped} entries of '{path}' have a time that cannot be read; they were passed over.");
        }

        if (file.UnknownMembers.Count > 0)
        {
            WriteWarning($"'{path}' has members that are not taken over: {Printable.Of(string.Join(", ", file.UnknownMembers))}. They stay in the file.");
        }

        foreach (var planned in engine.TrustExchange.Plan(file))
        {
            var isNew = planned.Outcome is ImportOutcome.Imported or ImportOutcome.Unbound;
            var target = $"node {planned.Record.NodeId}{(planned.Record.Key is { } key ? ", " + Identity.Fingerprint.Display(key) : "")}";
            var done = isNew && ShouldProcess(target, planned.Outcome == ImportOutcome.Unbound ? "Keep without a key, trusting nobody" : "Trust, below what people have compared") ? await engine.TrustExchange.ImportAsync(planned, Cancellation) : planned;
            WriteObject(WireImportedTrust.Of(done, engine));
        }
    }
}
