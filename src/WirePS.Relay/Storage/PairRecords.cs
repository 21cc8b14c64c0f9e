namespace WirePS.Relay.Storage;

/// <summary>A wish to open a rendezvous, or to come to one.</summary>
/// <param name="CodeHash">Hash of the code_hash that both sides know.</param>
/// <param name="NewPairId">The id that the rendezvous gets if it does not exist yet.</param>
/// <param name="Role">The caller's side.</param>
/// <param name="Message">The caller's first message, as UTF-8.</param>
/// <param name="Lifetime">How long the rendezvous lives from now on, where this open decides that.</param>
/// <param name="MayCreate">False where the caller's source has opened too many: an existing rendezvous can still be met.</param>
public sealed record OpenPair(TokenHash CodeHash, string NewPairId, PairRole Role, byte[] Message, TimeSpan Lifetime, bool MayCreate);

/// <summary>What an open came to.</summary>
public enum OpenPairOutcome
{
    /// <summary>A new rendezvous.</summary>
    Created,
    /// <summary>The rendezvous was there; this side's message is now in it.</summary>
    Joined,
    /// <summary>The same message was there already.</summary>
    Repeated,
    /// <summary>Another message of this side is there.</summary>
    Conflict,
    /// <summary>There is none, and the caller may not create one now.</summary>
    Refused,
}

/// <summary>The answer to an <see cref="OpenPair"/>.</summary>
/// <param name="Outcome">What happened.</param>
/// <param name="PairId">The id of the rendezvous; empty where refused.</param>
/// <param name="ExpiresAt">When it ends by itself, if it is not decided before.</param>
public readonly record struct OpenPairResult(OpenPairOutcome Outcome, string PairId, DateTimeOffset ExpiresAt);

/// <summary>A rendezvous as one side sees it.</summary>
/// <param name="PeerMessage">The other side's first message.</param>
/// <param name="PeerBootstrap">The other side's sealed bootstrap.</param>
/// <param name="PeerDone">Whether the other side has said that it needs nothing more.</param>
/// <param name="ExpiresAt">When it ends by itself, if it is not decided before.</param>
/// <param name="RemoveAt">When the relay forgets it as things stand.</param>
public sealed record PairView(byte[]? PeerMessage, byte[]? PeerBootstrap, bool PeerDone, DateTimeOffset ExpiresAt, DateTimeOffset RemoveAt);

/// <summary>What became of a sealed bootstrap.</summary>
public enum BootstrapOutcome
{
    /// <summary>It is stored; or the same one was.</summary>
    Stored,
    /// <summary>No such rendezvous.</summary>
    UnknownPair,
    /// <summary>This side has sent another one before.</summary>
    Conflict,
}
