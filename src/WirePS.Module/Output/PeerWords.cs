using WirePS.Trust;

namespace WirePS.Module.Output;

/// <summary>What people are told about peers, in one place.</summary>
internal static class PeerWords
{
    /// <summary>Said where a peer that goes holds what cannot be taken from it, for each mailbox that is moved because of it.</summary>
    internal static IEnumerable<string> Moves(TrustEntry gone, WireEngine engine) => engine.Rotations.List()
        .Where(moving => moving.Without.Contains(Convert.ToHexStringLower(gone.PublicKey)))
        .Select(moving => Moves(Printable.Of(gone.Did)!, moving, engine.Rotation.PeersToTell(moving)));

    private static string Moves(string did, MovingMailbox moving, IReadOnlyList<TrustEntry> peers)
    {
        var lost = peers.Where(static p => !SlotRotation.CanBeSealed(p)).Select(static p => Printable.Of(p.Handle)).ToList();
        return $"{did} was paired over a relay without grants and may hold the token of this home's mailbox at {moving.RelayUrl}: that mailbox is being moved by the daemon or the next tick. Told of the new one: {peers.Count - lost.Count}."
            + (lost.Count == 0 ? "" : $" To be paired again, because nothing can be sealed for them: {string.Join(", ", lost)}.");
    }
}
