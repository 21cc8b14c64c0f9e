using System.Management.Automation;
using WirePS.Trust;

namespace WirePS.Module.Pipeline;

/// <summary>Peers by what people call them.</summary>
internal static class PeerNames
{
    /// <summary>Those whose handle, DID, fingerprint or label fits a name or wildcard.</summary>
    internal static IReadOnlyList<TrustEntry> Find(IEnumerable<TrustEntry> peers, string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        var bare = name.Replace(" ", "", StringComparison.Ordinal);
        return
        [
            .. peers.Where(peer =>
                pattern.IsMatch(peer.Handle) || pattern.IsMatch(peer.Did) || pattern.IsMatch(peer.Fingerprint)
                || (peer.Label is { } label && pattern.IsMatch(label))
                || string.Equals(peer.Fingerprint.Replace(" ", "", StringComparison.Ordinal), bare, StringComparison.OrdinalIgnoreCase)),
        ];
    }
}
