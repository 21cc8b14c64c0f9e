using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Waits until somebody is trusted here.</summary>
[Cmdlet(VerbsLifecycle.Wait, "WireTrust")]
[OutputType(typeof(WirePeer))]
public sealed class WaitWireTrustCommand : WireCmdlet
{
    private readonly List<(WireEngine Engine, string Name, string? Fingerprint)> _awaited = [];

    /// <summary>A handle, a DID or a fingerprint; it need not be known yet.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Did", "PeerDid")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string Name { get; set; } = "";

    /// <summary>The fingerprint that its key must have, with or without spaces.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("PeerFingerprint")]
    [ValidateNotNullOrEmpty]
    public string? Fingerprint { get; set; }

    /// <summary>How long, for all of them together; nothing for as long as it takes.</summary>
    [Parameter]
    [Duration(NumbersAreSeconds = true)]
    public TimeSpan? Timeout { get; set; }

    /// <inheritdoc/>
    protected override Task BeginAsync()
    {
        DurationAttribute.Require(Timeout);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        _awaited.Add((Engine, Name, Fingerprint));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override Task EndAsync()
    {
        foreach (var engine in _awaited.Select(static a => a.Engine).Distinct())
        {
            WarnWithoutDaemon(engine);
        }

        return Task.WhenAll(_awaited.Select(awaited => TryAsync(() => WaitAsync(awaited.Engine, awaited.Name, awaited.Fingerprint))));
    }

    private async Task WaitAsync(WireEngine engine, string name, string? fingerprint)
    {
        if (WildcardPattern.ContainsWildcardCharacters(name))
        {
            throw new WireException(WireReason.PeerNotFound, "Wait-WireTrust waits for one name, and takes no wildcard: nobody could say when all of them are here.", name);
        }

        try
        {
            var peer = await engine.TrustWait.WaitAsync(
                peers => PeerNames.FindOne(peers, name) is { } found && (fingerprint is null || PeerNames.IsFingerprint(found, fingerprint)) ? found : null,
                Timeout,
                Cancellation);
            WriteObject(WirePeer.Of(peer, engine));
        }
        catch (WireException error) when (error.Reason == WireReason.WaitTimeout)
        {
            throw new WireException(WireReason.WaitTimeout, $"The time to wait is over, and '{Printable.Of(name)}' is not trusted here yet; what was asked goes on.", name, error);
        }
    }
}
