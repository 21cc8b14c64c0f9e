using WirePS.Storage;

namespace WirePS.Devices;

/// <summary>The lines of a pair token in the journal: made, used, removed. A token is named there by the first half of its hash.</summary>
internal static class TokenJournal
{
    private const string Kind = "token";
    private const string Live = "live";

    /// <summary>It was made.</summary>
    internal static JournalRecord OfMade(PairTokenInfo token) => new(token.IssuedAt, Kind, NameOf(token), null, Live);

    /// <summary>All its lines once a device has used it: a process may have died before any of them.</summary>
    internal static IReadOnlyList<JournalRecord> OfUsed(PairTokenInfo token, DateTimeOffset now) => [OfMade(token), new(now, Kind, NameOf(token), Live, "used", null, token.DeviceDid)];

    /// <summary>It was removed.</summary>
    internal static JournalRecord OfRemoved(PairTokenInfo token, DateTimeOffset now) => new(now, Kind, NameOf(token), Live, "removed");

    private static string NameOf(PairTokenInfo token) => token.TokenHash[..32];
}
