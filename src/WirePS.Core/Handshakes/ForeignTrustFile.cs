using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using WirePS.Cryptography;

namespace WirePS.Handshakes;

/// <summary>One trusted node of the other program's file.</summary>
/// <param name="NodeId">Its node id.</param>
/// <param name="PublicKey">Its key as it stands there; empty for a record that is bound to no key.</param>
/// <param name="ApprovedAt">When.</param>
/// <param name="IsMutual">True where both had asked.</param>
/// <param name="Network">The network that it was granted for; 0 for none.</param>
public sealed record ForeignTrust(uint NodeId, string PublicKey, DateTimeOffset ApprovedAt, bool IsMutual, ushort Network)
{
    /// <summary>The key's 32 bytes; null for a record without one, or with something else in its place.</summary>
    public byte[]? Key => StrictBase64.TryDecode(PublicKey, Ed25519.PublicKeyBytes, out var key) && Ed25519.IsValidPublicKey(key) ? key : null;
}

/// <summary>A request that waits there.</summary>
/// <param name="NodeId">Who asks.</param>
/// <param name="PublicKey">Its key; empty for none.</param>
/// <param name="Justification">Its words, as they stand there.</param>
/// <param name="ReceivedAt">When it came.</param>
/// <param name="Source">The node that the connection was from; 0 for none.</param>
public sealed record ForeignRequest(uint NodeId, string PublicKey, string Justification, DateTimeOffset ReceivedAt, uint Source);

/// <summary>A node that was revoked there a short time before.</summary>
/// <param name="NodeId">The node.</param>
/// <param name="Until">Until then it may not come back.</param>
public sealed record ForeignRevocation(uint NodeId, DateTimeOffset Until);

/// <summary>
/// The other program's <c>trust.json</c> (handshake.md §10). What the file has beyond that is kept, with its entries'
/// unknown members, so that nothing is lost where it is written again.
/// </summary>
public sealed class ForeignTrustFile
{
    /// <summary>The largest file that is read, in bytes.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    private const int MaxDepth = 32;
    private static readonly string[] Known = ["trusted", "pending", "revoked"];
    private readonly JsonObject _tree;

    private ForeignTrustFile(JsonObject tree) => _tree = tree;

    /// <summary>A file with nobody in it.</summary>
    public static ForeignTrustFile Empty => new([]);

    /// <summary>Whom it trusts, by node id; of equal ids the last.</summary>
    public IReadOnlyList<ForeignTrust> Trusted => [.. Entries("trusted", TrustOf).OrderBy(static t => t.NodeId)];

    /// <summary>Who waits, by node id.</summary>
    public IReadOnlyList<ForeignRequest> Pending => [.. Entries("pending", RequestOf).OrderBy(static r => r.NodeId)];

    /// <summary>Who was revoked, by node id; also those whose time is over.</summary>
    public IReadOnlyList<ForeignRevocation> Revoked => [.. Entries("revoked", RevocationOf).OrderBy(static r => r.NodeId)];

    /// <summary>How many entries have a time that cannot be read: they count for nothing, and stay where they are.</summary>
    public int Skipped => Nodes("trusted").Count(static n => TrustOf(n) is null) + Nodes("pending").Count(static n => RequestOf(n) is null) + Nodes("revoked").Count(static n => RevocationOf(n) is null);

    /// <summary>The members of the file and of its entries that handshake.md §10 does not know.</summary>
    public IReadOnlyList<string> UnknownMembers =>
    [
        .. _tree.Select(static m => m.Key).Except(Known),
        .. Nodes("trusted").SelectMany(static n => n.Select(static m => "trusted." + m.Key)).Except(["trusted.node_id", "trusted.public_key", "trusted.approved_at", "trusted.mutual", "trusted.network"]),
        .. Nodes("pending").SelectMany(static n => n.Select(static m => "pending." + m.Key)).Except(["pending.node_id", "pending.public_key", "pending.justification", "pending.received_at", "pending.source"]),
        .. Nodes("revoked").SelectMany(static n => n.Select(static m => "revoked." + m.Key)).Except(["revoked.node_id", "revoked.until"]),
    ];

    /// <summary>
    /// Reads a file, names in any letter case. Refused as a whole: anything that is no JSON object, equal names, a member of
    /// another kind, a number out of its range. An entry whose time cannot be read counts for nothing.
    /// </summary>
    /// <exception cref="WireException"><see cref="WireReason.FileCorrupt"/>.</exception>
    public static ForeignTrustFile Parse(ReadOnlySpan<byte> utf8, string? path = null)
    {
        try
        {
            var strict = new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = MaxDepth };
            if (utf8.Length <= MaxBytes && Utf8.IsValid(utf8) && JsonNode.Parse(utf8, new JsonNodeOptions { PropertyNameCaseInsensitive = true }, strict) is JsonObject tree)
            {
                var file = new ForeignTrustFile(InOneSpelling(tree, Known));
                foreach (var name in Known)
                {
                    file.Respell(name);
                }

                _ = (file.Trusted, file.Pending, file.Revoked);
                return file;
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            throw new WireException(WireReason.FileCorrupt, "The file is not a trust file of the handshake.", path, error);
        }

        throw new WireException(WireReason.FileCorrupt, "The file is not a trust file of the handshake.", path);
    }

    /// <summary>Puts a node in, or in the place of the entry that has its id; what that has beyond ours stays.</summary>
    public void Set(ForeignTrust trust)
    {
        var nodes = JsonArrayIn("trusted");
        var entry = nodes.OfType<JsonObject>().LastOrDefault(n => (uint?)n["node_id"] == trust.NodeId);
        if (entry is null)
        {
            entry = [];
            nodes.Add(entry);
        }

        entry["node_id"] = trust.NodeId;
        entry["public_key"] = trust.PublicKey;
        entry["approved_at"] = Time(trust.ApprovedAt);
        entry["mutual"] = trust.IsMutual;
        if (trust.Network != 0)
        {
            entry["network"] = trust.Network;
        }
    }

    /// <summary>The bytes of the file: as the other program writes it, sorted by node id, with the times that stand there as they are.</summary>
    public byte[] ToBytes()
    {
        var tree = _tree.DeepClone().AsObject();
        foreach (var name in Known)
        {
            if (tree[name] is JsonArray nodes)
            {
                tree[name] = nodes.Count == 0 ? null : new JsonArray([.. nodes.Select(static n => n!.DeepClone()).OrderBy(static n => (uint?)n["node_id"] ?? 0)]);
            }
        }

        var ordered = new JsonObject { ["trusted"] = tree["trusted"]?.DeepClone() };
        foreach (var (name, value) in tree.Where(static m => m.Key != "trusted" && !(Known.Contains(m.Key) && m.Value is null)).OrderBy(static m => Array.IndexOf(Known, m.Key) is var place and >= 0 ? place : int.MaxValue))
        {
            ordered[name] = value?.DeepClone();
        }

        return Encoding.UTF8.GetBytes(GoJson.Indented(ordered));
    }

    // The program reads names in any letter case; from here on they have one.
    private static JsonObject InOneSpelling(JsonObject tree, string[] names)
    {
        var members = tree.Select(static m => (m.Key, Value: m.Value?.DeepClone())).ToList();
        var respelled = new JsonObject();
        foreach (var (name, value) in members)
        {
            respelled.Add(names.FirstOrDefault(known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? name, value);
        }

        return respelled;
    }

    private void Respell(string list)
    {
        if (_tree[list] is { } nodes)
        {
            _tree[list] = new JsonArray([.. nodes.AsArray().Select(static n => InOneSpelling((n ?? throw new FormatException()).AsObject(), ["node_id", "public_key", "approved_at", "mutual", "network", "justification", "received_at", "source", "until"]))]);
        }
    }

    private IEnumerable<JsonObject> Nodes(string list) => (_tree[list]?.AsArray() ?? []).Select(static n => n!.AsObject());

    private JsonArray JsonArrayIn(string list)
    {
        if (_tree[list] is not JsonArray nodes)
        {
            _tree[list] = nodes = [];
        }

        return nodes;
    }

    // Of equal ids the last counts, at the place of the first.
    private IEnumerable<T> Entries<T>(string list, Func<JsonObject, T?> read)
        where T : class =>
        Nodes(list).Select(n => (Id: IdOf(n), Entry: read(n))).Where(static n => n.Entry is not null).GroupBy(static n => n.Id).Select(static g => g.Last().Entry!);

    private static uint IdOf(JsonObject node) => (uint?)node["node_id"] ?? 0;

    private static ForeignTrust? TrustOf(JsonObject node)
    {
        var entry = (Id: IdOf(node), Key: (string?)node["public_key"] ?? "", IsMutual: (bool?)node["mutual"] ?? false, Network: (ushort?)node["network"] ?? 0);
        return TryTime(node, "approved_at", out var at) ? new ForeignTrust(entry.Id, entry.Key, at, entry.IsMutual, entry.Network) : null;
    }

    private static ForeignRequest? RequestOf(JsonObject node)
    {
        var entry = (Id: IdOf(node), Key: (string?)node["public_key"] ?? "", Words: (string?)node["justification"] ?? "", Source: (uint?)node["source"] ?? 0);
        return TryTime(node, "received_at", out var at) ? new ForeignRequest(entry.Id, entry.Key, entry.Words, at, entry.Source) : null;
    }

    private static ForeignRevocation? RevocationOf(JsonObject node)
    {
        var id = IdOf(node);
        return TryTime(node, "until", out var until) ? new ForeignRevocation(id, until) : null;
    }

    // RFC 3339 as the program reads it: with a zone, and nothing left out.
    private static bool TryTime(JsonObject node, string name, out DateTimeOffset time) => DateTimeOffset.TryParseExact(
        (string?)node[name],
        ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"],
        CultureInfo.InvariantCulture,
        DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal,
        out time) && ((string)node[name]!)[^1] is 'Z' or >= '0' and <= '9' && ((string)node[name]!).Length > 19;

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
