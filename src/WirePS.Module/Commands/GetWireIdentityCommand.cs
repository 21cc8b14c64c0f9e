using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Shows who a home is.</summary>
[Cmdlet(VerbsCommon.Get, "WireIdentity")]
[OutputType(typeof(WireIdentity))]
public sealed class GetWireIdentityCommand : WireCmdlet
{
    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        var engine = Engine;
        if (engine.Identity.Find() is { } identity)
        {
            WriteObject(WireIdentity.Of(identity, engine));
        }
        else if (Directory.Exists(engine.Home.Root))
        {
            WriteWarning($"The home '{engine.Home.Root}' has no identity yet: Initialize-WireIdentity makes one, and so does New-WirePair.");
        }

        return Task.CompletedTask;
    }
}
