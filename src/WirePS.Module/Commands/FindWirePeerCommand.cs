using System.Management.Automation;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Asks the directory of a relay who has a handle.</summary>
[Cmdlet(VerbsCommon.Find, "WirePeer")]
[OutputType(typeof(WireFoundPeer))]
public sealed class FindWirePeerCommand : RelayCmdlet
{
    /// <summary>Handles, with their relay as <c>handle@relay</c> or with -Relay; wildcards list those who let themselves be listed.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Name { get; set; } = ["*"];

    /// <summary>Most entries that a wildcard gives.</summary>
    [Parameter]
    [ValidateRange(1, 10_000)]
    public int First { get; set; } = 100;

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Name)
        {
            await TryAsync(() => WildcardPattern.ContainsWildcardCharacters(name) ? ListAsync(name) : FindAsync(name));
        }
    }

    private async Task FindAsync(string name)
    {
        var engine = Engine;
        var (handle, relay) = HandleAddress.Parse(name, Relay, AllowInsecureRelay, engine.Settings);
        var found = await engine.Directory.FindAsync(relay, handle, Cancellation) ?? throw Missing.Of(WireReason.HandleNotFound, "Nobody has the handle {0} at the relay.", name);
        WriteObject(WireFoundPeer.Of(found, engine));
    }

    private async Task ListAsync(string name)
    {
        var engine = Engine;
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        await foreach (var found in engine.Directory.ListAsync(engine.Settings.ResolveRelay(Relay, AllowInsecureRelay), pattern.IsMatch, First, Cancellation))
        {
            WriteObject(WireFoundPeer.Of(found, engine));
        }
    }
}
