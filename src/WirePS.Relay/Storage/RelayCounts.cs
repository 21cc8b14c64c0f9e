namespace WirePS.Relay.Storage;

/// <summary>How much there is.</summary>
/// <param name="Handles">Handles in the directory.</param>
/// <param name="Slots">Mailboxes.</param>
/// <param name="OpenPairs">Rendezvous that are not over.</param>
public sealed record RelayCounts(long Handles, long Slots, long OpenPairs);
