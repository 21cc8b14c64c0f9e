namespace WirePS.Trust;

/// <summary>What a home knows of a key that a peer presents, before it is pinned.</summary>
public enum PeerKeyFamiliarity
{
    /// <summary>Neither the key nor the name is known.</summary>
    New,

    /// <summary>The key is pinned already.</summary>
    Known,

    /// <summary>The name or DID is pinned with another key: nothing is pinned until a person has resolved that.</summary>
    Different,

    /// <summary>The key was revoked here: nothing but a person brings it back.</summary>
    Revoked,
}
