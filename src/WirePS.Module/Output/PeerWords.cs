namespace WirePS.Module.Output;

/// <summary>What people are told about peers, in one place.</summary>
internal static class PeerWords
{
    /// <summary>Said where a peer that goes holds what cannot be taken from it.</summary>
    internal static string KeepsMailbox(string did) =>
        $"{did} was paired over a relay without grants and holds the token of this home's mailbox there: nothing could be revoked, and it can go on to read and write in that mailbox.";
}
