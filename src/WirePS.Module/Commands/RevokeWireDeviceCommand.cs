using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Revokes devices of this home's identity: they lose what they could do in its name.</summary>
[Cmdlet(VerbsSecurity.Revoke, "WireDevice", SupportsShouldProcess = true)]
[OutputType(typeof(WireDevice))]
public sealed class RevokeWireDeviceCommand : DeviceCmdlet
{
    /// <summary>Gives the devices out that were revoked.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name ?? throw new WireException(WireReason.DeviceNotFound, "Say which device: -Name takes a label, a DID, a fingerprint or a wildcard."))
        {
            await TryAsync(async () =>
            {
                var found = Require(name);
                if (found.Count > 1 && !WildcardPattern.ContainsWildcardCharacters(name))
                {
                    throw Missing.Of(WireReason.DeviceAmbiguous, "More than one device fits {0}.", name);
                }

                foreach (var (device, key) in found)
                {
                    await TryAsync(() => RevokeAsync(device, key));
                }
            });
        }
    }

    private async Task RevokeAsync(WireDevice device, byte[] key)
    {
        if (device.IsThisHome)
        {
            throw new WireException(WireReason.PrincipalUnknown, "This home is a device of that identity: it is revoked where the identity is. Remove-WirePeer forgets the identity here.", device.Principal);
        }

        if (ShouldProcess($"{device.Label ?? device.Did}, {device.Fingerprint}", "Revoke device")
            && await Engine.DeviceOperations.RevokeAsync(key, Cancellation) is not null)
        {
            WarnWithoutDaemon(Engine);
            if (PassThru)
            {
                WriteObject(device);
            }
        }
    }
}
