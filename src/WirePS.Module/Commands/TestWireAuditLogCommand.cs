using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Verifies the journal of a home.</summary>
[Cmdlet(VerbsDiagnostic.Test, "WireAuditLog")]
[OutputType(typeof(WireAuditResult))]
public sealed class TestWireAuditLogCommand : WireCmdlet
{
    /// <inheritdoc/>
    protected override bool LooksOnly => true;

    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        var verdict = Engine.Journal.Verify();
        WriteObject(WireAuditResult.Of(verdict, Engine));
        if (!verdict.Valid)
        {
            WriteError(new WireException(WireReason.JournalTampered, $"The journal's chain breaks after {verdict.Entries} entries: line {verdict.Line} of '{Path.GetFileName(verdict.File)}'. {verdict.Problem}", verdict.File));
        }

        return Task.CompletedTask;
    }
}
