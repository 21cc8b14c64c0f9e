using System.Globalization;
using System.Text;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// Keeps the machines of an identity and those of its peers in reach of each other (wireps.md §7): the root tells its devices
/// whom it trusts, and every machine gives each machine of a peer that may send a grant of its own. It compares what should be
/// with what was done (<see cref="MachineBook"/>), so a pass may be repeated, and what a crash interrupts is done by the next.
/// </summary>
public sealed class MachineLinks
{
    /// <summary>Most new addresses that the machines of one peer are given in a day (UTC): each costs this home a grant for good, and a peer lists machines as it likes.</summary>
    internal const int MostGivenInADay = 64;

    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromDays(1);

    private readonly MachineBook _book;
    private readonly IdentityStore _identity;
    private readonly TrustStore _trust;
    private readonly PeerOperations _peers;
    private readonly MailboxBook _mailboxes;
    private readonly GrantRevocations _revocations;
    private readonly EventPost _post;
    private readonly TimeProvider _time;

    internal MachineLinks(
        MachineBook book, IdentityStore identity, TrustStore trust, PeerOperations peers, MailboxBook mailboxes, GrantRevocations revocations, EventPost post, TimeProvider time)
    {
        _book = book;
        _identity = identity;
        _trust = trust;
        _peers = peers;
        _mailboxes = mailboxes;
        _revocations = revocations;
        _post = post;
        _time = time;
    }

    /// <summary>Makes a pass. Nothing is asked of a relay: what is to be said goes into the outbox.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (_identity.Find() is not { } identity)
        {
            return;
        }

        await ForgetSharedAsync(identity.Card.PublicKey, cancellationToken).ConfigureAwait(false);
        var peers = _trust.List().Where(static p => p is { IsTrusted: true, SpeaksWirePS: true }).ToList();
        await ForgetMachinesAsync(peers, cancellationToken).ConfigureAwait(false);
        await ShareAsync(identity.Card, peers, cancellationToken).ConfigureAwait(false);
        await GiveAsync(identity.Card.PublicKey, peers, cancellationToken).ConfigureAwait(false);
        await AskForCardsAsync(peers, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The body that hands over an address; with the identity of the other machine, where it goes between machines of one.</summary>
    internal static WireJson AddressBody(string machine, string recipient, string? owner)
    {
        var body = WireJson.ObjectOf(("of", WireJson.From(machine)), ("for", WireJson.From(recipient)));
        return owner is null ? body : body.With(MachineAddressTaker.OwnerMember, owner);
    }

    /// <summary>Forgets the peers of principals that this home is no device of any more.</summary>
    private async Task ForgetSharedAsync(byte[] ownKey, CancellationToken cancellationToken)
    {
        var all = _trust.List();
        foreach (var peer in all.Where(static p => p.SharedBy is not null))
        {
            if (!all.Any(p => p.IsTrusted && p.Did == peer.SharedBy && DeviceOperations.IsMember(p, ownKey)))
            {
                await _peers.RemoveAsync(peer.Did, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Ends what machines were given that are on no card of a peer any more, and forgets where they are.</summary>
    private async Task ForgetMachinesAsync(List<TrustEntry> peers, CancellationToken cancellationToken)
    {
        var lists = new Dictionary<string, IReadOnlyList<(string Machine, DeviceRights Rights)>>(StringComparer.Ordinal);
        var gone = _book.Reachable().Where(m => RightsOf(m) == DeviceRights.None).ToList();
        if (gone.Count > 0)
        {
            await _book.ForgetAsync(gone, cancellationToken).ConfigureAwait(false);
        }

        await _book.ForgetPeersAsync(_trust.ListAll().Select(static p => p.Did).ToHashSet(StringComparer.Ordinal), cancellationToken).ConfigureAwait(false);
        foreach (var given in _book.Given().Where(g => !RightsOf(g.To).HasFlag(DeviceRights.Send)))
        {
            await _revocations.AddAsync(given.Grant, cancellationToken).ConfigureAwait(false);
            await _book.ForgetGivenAsync(given, cancellationToken).ConfigureAwait(false);
        }

        DeviceRights RightsOf(PeerMachine machine)
        {
            if (!lists.TryGetValue(machine.Peer, out var machines))
            {
                lists[machine.Peer] = machines = peers.Find(p => p.Did == machine.Peer) is { } peer ? [.. MachinesOf(peer)] : [];
            }

            return machines.FirstOrDefault(m => m.Machine == machine.Machine).Rights;
        }
    }

    /// <summary>Tells this identity's devices whom it trusts, with each newer card, and whom it trusts no more.</summary>
    private async Task ShareAsync(AgentCard own, List<TrustEntry> peers, CancellationToken cancellationToken)
    {
        var devices = DeviceEntry.ListOf(own);
        var known = _book.Shared().ToDictionary(static s => (s.Device, s.Peer));
        if (devices.Length == 0 && known.Count == 0)
        {
            return;
        }

        // Neither other devices, nor identities that this home is itself a device of, nor what those have shared.
        var shared = peers.Where(p => p is { SharedBy: null, Card: not null } && !devices.Any(d => d.HasKey(p.PublicKey)) && !DeviceOperations.IsMember(p, own.PublicKey)).ToList();
        var told = new List<SharedPeer>();
        var over = new List<SharedPeer>();
        foreach (var device in devices.Where(static d => (d.Rights & (DeviceRights.Send | DeviceRights.Receive)) != 0))
        {
            if (peers.Find(p => device.HasKey(p.PublicKey)) is not { } machine || _mailboxes.FindRoute(machine.Handle) is null)
            {
                continue;
            }

            foreach (var peer in shared.Where(p => !known.TryGetValue((device.Did, p.Did), out var before) || before.CardSeq < p.CardSeq))
            {
                var body = WireJson.ObjectOf(("principal", WireJson.From(own.Did)), ("card", peer.Card!.Json));
                if (body.ToCompactBytes().Length > EventPost.MaxBodyBytes || _post.TryToPeer(machine, EventTypes.PeerShared, body))
                {
                    told.Add(new SharedPeer(device.Did, peer.Did, peer.CardSeq));
                }
            }

            foreach (var before in known.Values.Where(s => s.Device == device.Did && !shared.Exists(p => p.Did == s.Peer)))
            {
                if (_post.TryToPeer(machine, EventTypes.PeerDropped, WireJson.ObjectOf(("principal", WireJson.From(own.Did)), ("peer", WireJson.From(before.Peer)))))
                {
                    over.Add(before);
                }
            }
        }

        over.AddRange(known.Values.Where(s => !devices.Any(d => d.Did == s.Device)));
        if (told.Count + over.Count > 0)
        {
            await _book.NoteSharedAsync(told, over, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Gives each machine of a peer that may send, and has none, an address of this home. It goes the way that is known: to the
    /// peer's root, from a device by its own root.
    /// </summary>
    private async Task GiveAsync(byte[] ownKey, List<TrustEntry> peers, CancellationToken cancellationToken)
    {
        var open = _mailboxes.List().Where(m => _mailboxes.HasGrants(m) && !_mailboxes.IsRetiring(m)).ToList();
        var given = _book.Given().Where(g => open.Exists(m => m.RelayUrl == g.Grant.RelayUrl && m.SlotId == g.Grant.SlotId)).Select(static g => g.To).ToHashSet();
        foreach (var peer in peers.Where(p => open.Count > 0 && !p.IsCardBehind && !DeviceOperations.IsMember(p, ownKey)))
        {
            var wanted = MachinesOf(peer).Where(m => m.Rights.HasFlag(DeviceRights.Send) && !given.Contains(new PeerMachine(peer.Did, m.Machine))).ToList();
            var way = peer.SharedBy is null ? peer : peers.Find(p => p.Did == peer.SharedBy);
            if (wanted.Count == 0 || way is null || _mailboxes.FindRoute(way.Handle) is not { } route)
            {
                continue;
            }

            var mailbox = open.FindLast(m => m.RelayUrl == route.RelayUrl) ?? open[^1];
            using var own = _identity.Open();
            var today = DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime);
            var (ended, givenToday) = _book.TallyOf(peer.Did, today);
            foreach (var (machine, _) in wanted.Where(m => m.Machine != own.Card.Did).Take(MostGivenInADay - givenToday))
            {
                var offer = new GrantOffer(mailbox, GrantFor(own, mailbox, peer, machine, ended));
                if (_post.TryToPeer(way, EventTypes.MachineAddress, offer.AddTo(AddressBody(own.Card.Did, machine, peer.SharedBy is null ? null : peer.Did)), offer.Pending))
                {
                    await _book.NoteGivenAsync(new GivenAddress(new PeerMachine(peer.Did, machine), offer.Given!), today, cancellationToken).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>Asks peers for cards that they have and that never came: a relay may have lost them, or be holding them back.</summary>
    private async Task AskForCardsAsync(List<TrustEntry> peers, CancellationToken cancellationToken)
    {
        foreach (var peer in peers.Where(p => p is { IsCardBehind: true, SharedBy: null } && IsToBeAsked(p) && _mailboxes.FindRoute(p.Handle) is not null))
        {
            if (_post.TryToPeer(peer, EventTypes.AgentCard, WireJson.EmptyObject.With(CardTaker.AskMember, peer.HighestCardSeqTold)))
            {
                await _trust.NoteCardSeqAskedAsync(peer, peer.HighestCardSeqTold, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // A device may name any number; what the peer was asked for by that does not keep it from being asked again.
    private bool IsToBeAsked(TrustEntry peer) =>
        peer.CardSeqAsked != peer.HighestCardSeqTold || peer.CardAskedAt is not { } asked || _time.GetUtcNow() - asked >= AskAgainAfter;

    /// <summary>The machines of a peer that are given addresses one by one: its devices; its root too where it was shared, for this home never paired with it.</summary>
    private static IEnumerable<(string Machine, DeviceRights Rights)> MachinesOf(TrustEntry peer)
    {
        var devices = peer.Devices.Where(d => d.Did != peer.Did).Select(static d => (d.Did, d.Rights));
        return peer.SharedBy is null ? devices : devices.Prepend((peer.Did, DeviceRights.Send | DeviceRights.Receive));
    }

    // The same each time, for a crash may lie between saying and noting it; another one when any of the peer's has ended, for this machine's may be among those:
    // the peer says when a machine was admitted, and may say the same twice.
    private static Grant GrantFor(OwnIdentity own, Mailbox mailbox, TrustEntry peer, string machine, long ended)
    {
        var addedAt = peer.Devices.FirstOrDefault(d => d.Did == machine)?.AddedAt;
        var text = string.Join('\0', mailbox.RelayUrl, mailbox.SlotId, peer.Did, machine, $"{peer.PinnedAt:O}", $"{addedAt:O}", ended.ToString(CultureInfo.InvariantCulture));
        byte[] purpose = [.. "WirePS/v2 machine grant"u8, 0, .. Encoding.UTF8.GetBytes(text)];
        using var secret = own.DeriveSecret(purpose, 48);
        return new Grant(Convert.ToHexStringLower(secret.Span[..16]), Convert.ToHexStringLower(secret.Span[16..]));
    }
}
