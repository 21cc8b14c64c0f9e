using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Shows whether the daemon of a home runs, and where its log is.</summary>
[Cmdlet(VerbsCommon.Get, "WireDaemon")]
[OutputType(typeof(WireDaemon))]
public sealed class GetWireDaemonCommand : WireCmdlet
{
    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        WriteObject(WireDaemon.Of(Engine.DaemonControl.Running(), Engine));
        return Task.CompletedTask;
    }
}
