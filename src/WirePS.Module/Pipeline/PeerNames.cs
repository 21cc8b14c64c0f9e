using System.Management.Automation;
using WirePS.Trust;

namespace WirePS.Module.Pipeline;

/// <summary>Peers by what people call them.</summary>
internal static class PeerNames
{
    /// <summary>The one with exactly this handle, DID, fingerprint or label; null for none. <see cref="WireReason.PeerAmbiguous"/>.</summary>
    internal static TrustEntry? FindOne(IEnumerable<TrustEntry> peers, string name)
    {
        var found = Find(peers, WildcardPattern.Escape(name)).Concat(peers.Where(peer => IsFingerprint(peer, name))).Distinct().ToList();
        return found.Count > 1 ? throw Missing.Of(WireReason.PeerAmbiguous, "More than one peer fits {0}.", name) : found.FirstOrDefault();
    }

    /// <summary>True where the peer's key has this fingerprint, written with or without spaces.</summary>
    internal static bool IsFingerprint(TrustEntry peer, string fingerprint) =>
        string.Equals(peer.Fingerprint.Replace(" ", "", StringComparison.Ordinal), fingerprint.Replace(" ", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);

    /// <summary>Those whose handle, DID, fingerprint or label fits a name or wildcard.</summary>
    internal static IReadOnlyList<TrustEntry> Find(IEnumerable<TrustEntry> peers, string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        return
        [
            .. peers.Where(peer =>
                pattern.IsMatch(peer.Handle) || pattern.IsMatch(peer.Did) || pattern.IsMatch(peer.Fingerprint)
                || (peer.Label is { } label && pattern.IsMatch(label))
                || IsFingerprint(peer, name)),
        ];
    }
}
