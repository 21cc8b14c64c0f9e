using System.Management.Automation;
using WirePS.Module.Binding;
using WirePS.Trust;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that names peers.</summary>
public abstract class PeerCmdlet : WireCmdlet
{
    /// <summary>Handles, DIDs, fingerprints, or wildcards for them.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Did")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string[]? Name { get; set; }

    /// <summary>The peers that one name stands for. <see cref="WireReason.PeerNotFound"/> where it is no wildcard and names none.</summary>
    protected IReadOnlyList<TrustEntry> Require(string name, bool includeRevoked = false)
    {
        var found = PeerNames.Find(includeRevoked ? Engine.Peers.ListAll() : Engine.Peers.List(), name);
        return found.Count > 0 || WildcardPattern.ContainsWildcardCharacters(name) ? found : throw new WireException(WireReason.PeerNotFound, null, name);
    }

    /// <summary>The same, where a name that is no wildcard must stand for one alone: <see cref="WireReason.PeerAmbiguous"/>.</summary>
    protected IReadOnlyList<TrustEntry> RequireOne(string name, bool includeRevoked)
    {
        var found = Require(name, includeRevoked);
        return found.Count > 1 && !WildcardPattern.ContainsWildcardCharacters(name) ? throw new WireException(WireReason.PeerAmbiguous, null, name) : found;
    }
}
