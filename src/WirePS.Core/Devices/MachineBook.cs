using System.Globalization;
using System.Text.Json.Nodes;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>A machine of a peer: the peer's root, or a device that its card lists.</summary>
/// <param name="Peer">The peer's DID.</param>
/// <param name="Machine">The machine's DID; the peer's own for its root.</param>
public readonly record struct PeerMachine(string Peer, string Machine);

/// <summary>An address of this home that a machine of a peer was given.</summary>
/// <param name="To">The machine.</param>
/// <param name="Grant">What it writes with.</param>
public sealed record GivenAddress(PeerMachine To, GivenGrant Grant);

/// <summary>A peer that a device of this home's identity was told of.</summary>
/// <param name="Device">The device's DID.</param>
/// <param name="Peer">The peer's DID.</param>
/// <param name="CardSeq">The number of the peer's card that the device was sent.</param>
public sealed record SharedPeer(string Device, string Peer, long CardSeq);

/// <summary>
/// What this home and the machines of its peers know of each other's mailboxes (<c>machines.json</c>, wireps.md §7): where each
/// can be reached, what each was given, and which peers this identity's devices were told of.
/// </summary>
/// <param name="home">The home.</param>
/// <param name="files">Its files.</param>
public sealed class MachineBook(WireHome home, IFileSystem files)
{
    private const string AddressList = "addresses";
    private const string GivenList = "given";
    private const string SharedList = "shared";
    private const string TallyList = "tallies";

    private readonly JsonFile _file = new(files, home.MachinesFile, home.LockFile("machines"));

    /// <summary>Where a machine can be reached; null where it has given no address.</summary>
    public PeerRoute? Find(PeerMachine machine) => _file.Get(tree =>
        Nodes(tree, AddressList).FirstOrDefault(node => MachineOf(node) == machine) is { } node
        && (string?)node["relay_url"] is { } url && (string?)node["slot_id"] is { } slot && (string?)node["slot_token"] is { } token
            ? new PeerRoute(url, slot, token)
            : null);

    /// <summary>The machines whose addresses are known.</summary>
    public IReadOnlyList<PeerMachine> Reachable() => _file.Get(static tree => Nodes(tree, AddressList).Select(MachineOf).ToList());

    /// <summary>The addresses of this home that were given.</summary>
    public IReadOnlyList<GivenAddress> Given() => _file.Get(static tree => Nodes(tree, GivenList).Select(GivenIn).OfType<GivenAddress>().ToList());

    /// <summary>Which peers this identity's devices were told of.</summary>
    public IReadOnlyList<SharedPeer> Shared() => _file.Get(static tree => Nodes(tree, SharedList).Select(SharedIn).OfType<SharedPeer>().ToList());

    /// <summary>Notes where a machine can be reached. What is older than what is known never takes its place.</summary>
    /// <returns>False where a newer address is known, and nothing has changed.</returns>
    internal async Task<bool> SetAsync(PeerMachine machine, PeerRoute route, DateTimeOffset saidAt, CancellationToken cancellationToken)
    {
        var isNewest = false;
        await _file.UpdateAsync(
            tree =>
            {
                var known = Nodes(tree, AddressList).FirstOrDefault(node => MachineOf(node) == machine);
                isNewest = !Timestamps.TryParse((string?)known?["said_at"], out var knownSince) || Timestamps.Round(saidAt) >= knownSince;
                return isNewest && Replace(tree, AddressList, known, new JsonObject
                {
                    ["peer"] = machine.Peer,
                    ["machine"] = machine.Machine,
                    ["relay_url"] = route.RelayUrl,
                    ["slot_id"] = route.SlotId,
                    ["slot_token"] = route.SlotToken,
                    ["said_at"] = Timestamps.Format(saidAt),
                });
            },
            cancellationToken).ConfigureAwait(false);
        return isNewest;
    }

    /// <summary>Notes which address a machine was given, in the place of the one before.</summary>
    /// <param name="given">The address.</param>
    /// <param name="today">The day (UTC) that it counts for.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal Task NoteGivenAsync(GivenAddress given, DateOnly today, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            var tally = TallyIn(tree, given.To.Peer, today);
            return Replace(tree, TallyList, tally.Node, NodeOf(given.To.Peer, tally.Ended, today, tally.GivenToday + 1))
                && Replace(tree, GivenList, Nodes(tree, GivenList).FirstOrDefault(node => MachineOf(node) == given.To), new JsonObject
                {
                    ["peer"] = given.To.Peer,
                    ["machine"] = given.To.Machine,
                    ["relay_url"] = given.Grant.RelayUrl,
                    ["slot_id"] = given.Grant.SlotId,
                    ["grant_id"] = given.Grant.GrantId,
                });
        },
        cancellationToken);

    /// <summary>How many of the addresses that the machines of a peer were given have ended since it is known, and how many new ones they were given on a day (UTC).</summary>
    internal (long Ended, int GivenToday) TallyOf(string peer, DateOnly today) => _file.Get(tree =>
    {
        var (_, ended, givenToday) = TallyIn(tree, peer, today);
        return (ended, givenToday);
    });

    /// <summary>Forgets what was counted of peers that are known no more.</summary>
    internal Task ForgetPeersAsync(IReadOnlySet<string> known, CancellationToken cancellationToken) =>
        _file.Get(tree => Nodes(tree, TallyList).All(node => known.Contains(MachineOf(node).Peer)))
            ? Task.CompletedTask
            : _file.UpdateAsync(tree => Remove(tree, TallyList, node => !known.Contains(MachineOf(node).Peer)), cancellationToken);

    /// <summary>Notes what devices were told of, and forgets what they are to know no more.</summary>
    internal Task NoteSharedAsync(IReadOnlyCollection<SharedPeer> told, IReadOnlyCollection<SharedPeer> over, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            var gone = told.Concat(over).Select(static s => (s.Device, s.Peer)).ToHashSet();
            Remove(tree, SharedList, node => SharedIn(node) is { } known && gone.Contains((known.Device, known.Peer)));
            foreach (var one in told)
            {
                Replace(tree, SharedList, null, new JsonObject { ["device"] = one.Device, ["peer"] = one.Peer, ["card_seq"] = one.CardSeq });
            }

            return gone.Count > 0;
        },
        cancellationToken);

    /// <summary>Forgets where machines can be reached.</summary>
    internal Task ForgetAsync(IReadOnlyCollection<PeerMachine> machines, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree => Remove(tree, AddressList, node => machines.Contains(MachineOf(node))), cancellationToken);

    /// <summary>Forgets that an address was given.</summary>
    internal Task ForgetGivenAsync(GivenAddress given, CancellationToken cancellationToken) => _file.UpdateAsync(
        tree =>
        {
            var known = Nodes(tree, TallyList).FirstOrDefault(node => MachineOf(node).Peer == given.To.Peer);
            var fresh = known?.DeepClone().AsObject() ?? new JsonObject { ["peer"] = given.To.Peer };
            fresh["ended"] = ((long?)fresh["ended"] ?? 0) + 1;
            return Remove(tree, GivenList, node => GivenIn(node) == given) && Replace(tree, TallyList, known, fresh);
        },
        cancellationToken);

    private static IEnumerable<JsonObject> Nodes(JsonObject? tree, string list) => (tree?[list]?.AsArray() ?? []).OfType<JsonObject>();

    private static PeerMachine MachineOf(JsonObject node) => new((string?)node["peer"] ?? "", (string?)node["machine"] ?? "");

    private static GivenAddress? GivenIn(JsonObject node) =>
        (string?)node["relay_url"] is { } url && (string?)node["slot_id"] is { } slot && (string?)node["grant_id"] is { } grant
            ? new GivenAddress(MachineOf(node), new GivenGrant(url, slot, grant))
            : null;

    private static (JsonObject? Node, long Ended, int GivenToday) TallyIn(JsonObject? tree, string peer, DateOnly today)
    {
        var node = Nodes(tree, TallyList).FirstOrDefault(known => MachineOf(known).Peer == peer);
        return (node, (long?)node?["ended"] ?? 0, (string?)node?["day"] == DayOf(today) ? (int?)node?["given"] ?? 0 : 0);
    }

    private static JsonObject NodeOf(string peer, long ended, DateOnly day, int given) => new() { ["peer"] = peer, ["ended"] = ended, ["day"] = DayOf(day), ["given"] = given };

    private static string DayOf(DateOnly day) => day.ToString("O", CultureInfo.InvariantCulture);

    private static SharedPeer? SharedIn(JsonObject node) =>
        (string?)node["device"] is { } device && (string?)node["peer"] is { } peer ? new SharedPeer(device, peer, (long?)node["card_seq"] ?? 0) : null;

    private static bool Replace(JsonObject tree, string list, JsonObject? old, JsonObject fresh)
    {
        tree["version"] ??= 1;
        var nodes = JsonFile.ArrayIn(tree, list);
        if (old is not null)
        {
            nodes.Remove(old);
        }

        nodes.Add(fresh);
        return true;
    }

    private static bool Remove(JsonObject tree, string list, Func<JsonObject, bool> isOver)
    {
        var over = Nodes(tree, list).Where(isOver).ToList();
        over.ForEach(node => node.Parent!.AsArray().Remove(node));
        return over.Count > 0;
    }
}
