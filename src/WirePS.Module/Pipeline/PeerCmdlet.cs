using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Trust;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that is about peers.</summary>
public abstract class PeerCmdlet : NamedPeerCmdlet
{
    /// <summary>Handles, DIDs, fingerprints, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Did")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string[]? Name { get; set; }
}

/// <summary>A cmdlet that finds peers by what people call them.</summary>
public abstract class NamedPeerCmdlet : WireCmdlet
{
    /// <summary>
    /// The peers that one name stands for. Where it is no wildcard and names none: <see cref="WireReason.PeerRevoked"/> for
    /// one that was revoked, else <see cref="WireReason.PeerNotFound"/>.
    /// </summary>
    protected IReadOnlyList<TrustEntry> Require(string name, bool includeRevoked = false)
    {
        var found = PeerNames.Find(includeRevoked ? Engine.Peers.ListAll() : Engine.Peers.List(), name);
        return found.Count > 0 || WildcardPattern.ContainsWildcardCharacters(name) ? found : throw NotThere(name);
    }

    /// <summary>The same, where a name that is no wildcard must stand for one alone: <see cref="WireReason.PeerAmbiguous"/>.</summary>
    protected IReadOnlyList<TrustEntry> RequireOne(string name, bool includeRevoked = false)
    {
        var found = Require(name, includeRevoked);
        return found.Count > 1 && !WildcardPattern.ContainsWildcardCharacters(name) ? throw Missing.Of(WireReason.PeerAmbiguous, "More than one peer fits {0}.", name) : found;
    }

    /// <summary>The DIDs of the peers that names stand for; null where none are given.</summary>
    protected IReadOnlyCollection<string>? DidsOf(string[]? names) =>
        names is null ? null : names.SelectMany(name => RequireOne(name)).Select(static p => p.Did).ToHashSet(StringComparer.Ordinal);

    // Whoever names a peer that was revoked is told so, and not that there is none.
    private WireException NotThere(string name) => PeerNames.Find(Engine.Peers.ListAll(), name).FirstOrDefault(static p => p.RevokedAt is not null) is { } revoked
        ? Missing.Of(WireReason.PeerRevoked, $"The peer {{0}} was revoked here at {revoked.RevokedAt!.Value.LocalDateTime:yyyy-MM-dd HH:mm}.", name)
        : Missing.Of(WireReason.PeerNotFound, "This home has no peer {0}.", name);
}
