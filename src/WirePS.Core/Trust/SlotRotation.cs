using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Trust;

/// <summary>
/// Moves mailboxes whose own tokens are held by peers that have gone (wireps.md §4, relay-v2.md, Grants): a new mailbox
/// at the same relay, a notice to every other peer that has the old one (1201 <c>wire_close</c>), and after a while the old
/// one is read a last time. Each step may be repeated after a crash.
/// </summary>
public sealed class SlotRotation
{
    /// <summary>How long the old mailbox is read after the move: peers write to it until they have read the notice.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromDays(7);

    private const string Reason = "The mailbox has moved.";

    private readonly SlotRotations _rotations;
    private readonly MailboxBook _mailboxes;
    private readonly TrustStore _trust;
    private readonly HandleDirectory _directory;
    private readonly GrantOffers _offers;
    private readonly GrantRevocations _revocations;
    private readonly EventPost _post;
    private readonly MailboxReader _reader;
    private readonly IRelayConnections _relays;
    private readonly Journal _journal;
    private readonly TimeProvider _time;

    internal SlotRotation(
        SlotRotations rotations,
        MailboxBook mailboxes,
        TrustStore trust,
        HandleDirectory directory,
        GrantOffers offers,
        GrantRevocations revocations,
        EventPost post,
        MailboxReader reader,
        IRelayConnections relays,
        Journal journal,
        TimeProvider time)
    {
        _rotations = rotations;
        _mailboxes = mailboxes;
        _trust = trust;
        _directory = directory;
        _offers = offers;
        _revocations = revocations;
        _post = post;
        _reader = reader;
        _relays = relays;
        _journal = journal;
        _time = time;
    }

    /// <summary>Goes on with each as far as that is possible now.</summary>
    /// <returns>What kept some from going on; the others were not affected.</returns>
    public async Task<IReadOnlyList<WireException>> RunAsync(CancellationToken cancellationToken)
    {
        var troubles = new List<WireException>();
        var all = _rotations.List();
        foreach (var moving in all)
        {
            // All before any: no peer is told of a new mailbox that moves as well.
            await _mailboxes.MarkRetiringAsync(moving.RelayUrl, moving.SlotId, cancellationToken).ConfigureAwait(false);
        }

        foreach (var moving in all)
        {
            try
            {
                await MoveAsync(moving, cancellationToken).ConfigureAwait(false);
            }
            catch (WireException error)
            {
                troubles.Add(error);
            }
        }

        return troubles;
    }

    /// <summary>True where a peer can be told what to write with: it has published a key for sealed bodies that may be used. Any other has to be paired again.</summary>
    public static bool CanBeSealed(TrustEntry peer) => peer.Card?.CanBeSealedTo == true;

    /// <summary>The peers that have the address of a mailbox and are not told yet that it moves.</summary>
    public IReadOnlyList<TrustEntry> PeersToTell(MovingMailbox moving)
    {
        var shared = _mailboxes.List().Where(m => !_mailboxes.HasGrants(m)).Select(static m => m.RelayUrl).ToHashSet(StringComparer.Ordinal);
        return [.. _trust.List().Where(p => p.IsTrusted && p.HoldsMailbox && !moving.Without.Contains(KeyOf(p)) && !moving.Told.Contains(KeyOf(p)) && IsOf(p))];

        // All shared mailboxes move at once. A peer needs one of the new ones: that at its own relay, where there is one.
        bool IsOf(TrustEntry peer) =>
            _mailboxes.FindRoute(peer.Handle) is { } route
            && (route.RelayUrl == moving.RelayUrl || !shared.Contains(route.RelayUrl))

            // One with a grant elsewhere has a better address; one with a grant here may have been about to be told when a process died.
            && (peer.Grant is not { } grant || grant.RelayUrl == moving.RelayUrl);
    }

    private static string KeyOf(TrustEntry peer) => Convert.ToHexStringLower(peer.PublicKey);

    private async Task MoveAsync(MovingMailbox moving, CancellationToken cancellationToken)
    {
        var peers = PeersToTell(moving);
        if (moving.MovedAt is null || peers.Count > 0)
        {
            var relay = _relays.To(moving.RelayUrl);
            var info = await relay.GetInfoAsync(cancellationToken).ConfigureAwait(false);
            var fresh = await _mailboxes.EnsureAsync(relay, info?.RelayId, cancellationToken).ConfigureAwait(false);
            foreach (var peer in peers)
            {
                await _rotations.TellAsync(moving, KeyOf(peer), () => TellAsync(fresh, peer, cancellationToken), cancellationToken).ConfigureAwait(false);
            }
        }

        if (moving.MovedAt is null)
        {
            await JournalAsync(moving, "moving", "moved", cancellationToken).ConfigureAwait(false);
            await _rotations.NoteMovedAsync(moving, cancellationToken).ConfigureAwait(false);
        }

        // A directory in trouble does not keep the old mailbox from its end.
        if (_time.GetUtcNow() - moving.MovedAt >= Grace)
        {
            await RetireAsync(moving, cancellationToken).ConfigureAwait(false);
        }
        else if (!moving.IsListed)
        {
            await ListAnewAsync(moving, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tells a peer. What it writes with goes only under a seal: others may read in its mailbox, and so may who has gone.</summary>
    private async Task TellAsync(Mailbox fresh, TrustEntry peer, CancellationToken cancellationToken)
    {
        var body = WireJson.EmptyObject.With("reason", Reason).With("new_relay_url", fresh.RelayUrl).With("new_slot_id", fresh.SlotId);
        if (!CanBeSealed(peer))
        {
            _post.TryToPeer(peer, EventTypes.WireClose, body);
            return;
        }

        // Who has a grant is never given the mailbox' own token, also where the relay says that it has no grants any more.
        var offer = _offers.In(fresh);
        if (offer.Given is null ? peer.Grant is null : await _trust.RenewAsync(peer, null, offer.Given, _revocations.AddAsync, cancellationToken).ConfigureAwait(false))
        {
            _post.TryToPeer(peer, EventTypes.WireClose, body.With(MailboxMovedTaker.TokenMember, offer.Token), offer.Pending);
        }
    }

    /// <summary>Where the relay's directory leads to this home, it is to lead to the new mailbox.</summary>
    private async Task ListAnewAsync(MovingMailbox moving, CancellationToken cancellationToken)
    {
        await _directory.MoveAsync(moving.RelayUrl, cancellationToken).ConfigureAwait(false);
        await _rotations.NoteListedAsync(moving, cancellationToken).ConfigureAwait(false);
    }

    private async Task RetireAsync(MovingMailbox moving, CancellationToken cancellationToken)
    {
        if (_mailboxes.List().FirstOrDefault(m => m.RelayUrl == moving.RelayUrl && m.SlotId == moving.SlotId) is { } old)
        {
            // One that its relay has lost marks itself; any other trouble puts the end off.
            await _reader.ReadAsync(old, isFirst: true, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            await _mailboxes.MarkLostAsync(old, cancellationToken).ConfigureAwait(false);
        }

        await JournalAsync(moving, "moved", "retired", cancellationToken).ConfigureAwait(false);
        await _rotations.RemoveAsync(moving, cancellationToken).ConfigureAwait(false);
    }

    private Task<JournalEntry> JournalAsync(MovingMailbox moving, string from, string to, CancellationToken cancellationToken) =>
        _journal.AppendAsync(new JournalRecord(_time.GetUtcNow(), "mailbox", moving.SlotId, from, to, null, null), cancellationToken);
}
