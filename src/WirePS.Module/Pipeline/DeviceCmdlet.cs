using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that names devices.</summary>
public abstract class DeviceCmdlet : WireCmdlet
{
    /// <summary>Labels, DIDs, fingerprints, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Did")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string[]? Name { get; set; }

    /// <summary>The devices that one name stands for. <see cref="WireReason.DeviceNotFound"/> where it is no wildcard and names none.</summary>
    internal IReadOnlyList<(WireDevice Device, byte[] Key)> Require(string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        var bare = name.Replace(" ", "", StringComparison.Ordinal);
        (WireDevice Device, byte[] Key)[] found =
        [
            .. All().Where(d => pattern.IsMatch(d.Device.Did) || pattern.IsMatch(d.Device.Fingerprint)
                || (d.Device.Label is { } label && pattern.IsMatch(label))
                || string.Equals(d.Device.Fingerprint.Replace(" ", "", StringComparison.Ordinal), bare, StringComparison.OrdinalIgnoreCase)),
        ];
        return found.Length > 0 || Missing.IsPattern(name) ? found : throw Missing.Of(WireReason.DeviceNotFound, "This home knows no device {0}.", name);
    }

    private IEnumerable<(WireDevice Device, byte[] Key)> All()
    {
        var engine = Engine;
        var own = engine.Identity.Find()?.Did ?? "";
        return
        [
            .. engine.Devices.List().Select(d => (WireDevice.Of(d.Device, d.Label, own, isThisHome: false, engine), d.Device.Key)),
            .. engine.DeviceOperations.Memberships().Select(m => (WireDevice.Of(m.Device, null, m.Principal.Did, isThisHome: true, engine), m.Device.Key)),
        ];
    }
}
