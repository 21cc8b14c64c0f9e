using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace WirePS.Module.Binding;

/// <summary>Offers the devices of the home, by label or DID; to revoke, only those of its own identity.</summary>
public sealed class DeviceCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        HomeOfCompletion.Complete(wordToComplete, fakeBoundParameters, engine => Offers(engine, commandName == "Revoke-WireDevice"));


    private static IEnumerable<(string, string)> Offers(WireEngine engine, bool onlyOwn) =>
    [
        .. engine.Devices.List().Select(static d => Offer(d.Label ?? d.Device.Did, d.Device.Key)),
        .. onlyOwn ? [] : engine.DeviceOperations.Memberships().Select(static m => Offer(m.Device.Did, m.Device.Key)),
    ];

    private static (string, string) Offer(string name, byte[] key) => (Printable.Of(name), Identity.Fingerprint.Display(key));
}
