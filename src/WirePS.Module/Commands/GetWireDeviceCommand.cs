using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Lists the devices of this home's identity, and the identities that this home is a device of.</summary>
[Cmdlet(VerbsCommon.Get, "WireDevice")]
[OutputType(typeof(WireDevice))]
public sealed class GetWireDeviceCommand : DeviceCmdlet
{
    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name ?? ["*"])
        {
            await TryAsync(() =>
            {
                WriteObject(Require(name).Select(static found => found.Device), enumerateCollection: true);
                return Task.CompletedTask;
            });
        }
    }
}
