using WirePS.Identity;
using WirePS.Relay;

namespace WirePS.Tests.Support;

/// <summary>The directory of a relay, as wire.md §4.9 has it.</summary>
internal sealed class DirectoryRooms
{
    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>The mailbox that a handle leads to; null where nobody holds it.</summary>
    public string? SlotOf(string handle) => _entries.GetValueOrDefault(handle)?.SlotId;

    public HandleClaim Claim(string slotId, AgentCard card, bool? isListed, DateTimeOffset now)
    {
        var holder = _entries.GetValueOrDefault(card.Handle);
        if (holder is not null && !holder.Card.PublicKey.AsSpan().SequenceEqual(card.PublicKey))
        {
            return HandleClaim.HeldByAnother;
        }

        if (holder is not null && holder.SlotId != slotId)
        {
            return HandleClaim.HeldThroughAnotherMailbox;
        }

        _entries[card.Handle] = new Entry(card, slotId, isListed ?? holder?.IsListed ?? true, now);
        return HandleClaim.Claimed;
    }

    public bool Unclaim(string slotId, string handle) => SlotOf(handle) == slotId && _entries.Remove(handle);

    public DirectoryRecord? Resolve(string handle) => _entries.TryGetValue(handle, out var entry) ? new DirectoryRecord(entry.Card, entry.ClaimedAt) : null;

    public DirectoryPage List(string? after, int limit)
    {
        var found = _entries.Where(e => e.Value.IsListed && string.CompareOrdinal(e.Key, after) > 0).Select(static e => e.Key).Take(limit + 1).ToList();
        return found.Count > limit ? new DirectoryPage(found[..limit], found[limit - 1]) : new DirectoryPage(found, null);
    }

    private sealed record Entry(AgentCard Card, string SlotId, bool IsListed, DateTimeOffset ClaimedAt);
}
