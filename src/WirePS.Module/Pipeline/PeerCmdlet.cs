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
    /// <summary>The peers that one name stands for. <see cref="WireReason.PeerNotFound"/> where it is no wildcard and names none.</summary>
    protected IReadOnlyList<TrustEntry> Require(string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        var bare = name.Replace(" ", "", StringComparison.Ordinal);
        TrustEntry[] found =
        [
            .. Engine.Peers.List().Where(peer =>
                pattern.IsMatch(peer.Handle) || pattern.IsMatch(peer.Did) || pattern.IsMatch(peer.Fingerprint)
                || (peer.Label is { } label && pattern.IsMatch(label))
                || string.Equals(peer.Fingerprint.Replace(" ", "", StringComparison.Ordinal), bare, StringComparison.OrdinalIgnoreCase)),
        ];
        return found.Length > 0 || WildcardPattern.ContainsWildcardCharacters(name) ? found : throw new WireException(WireReason.PeerNotFound, null, name);
    }

    /// <summary>The one peer that a name stands for. <see cref="WireReason.PeerAmbiguous"/> where it names several without a wildcard.</summary>
    protected IReadOnlyList<TrustEntry> RequireClear(string name)
    {
        var found = Require(name);
        return found.Count > 1 && !WildcardPattern.ContainsWildcardCharacters(name) ? throw new WireException(WireReason.PeerAmbiguous, null, name) : found;
    }

    /// <summary>The DIDs of the peers that names stand for; null where none are given.</summary>
    protected IReadOnlyCollection<string>? DidsOf(string[]? names) =>
        names is null ? null : names.SelectMany(RequireClear).Select(static p => p.Did).ToHashSet(StringComparer.Ordinal);
}
