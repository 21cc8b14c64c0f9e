using System.Collections.Immutable;
using WirePS.Cryptography;
using WirePS.Devices;
using WirePS.Identity;
using WirePS.Relay;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>What taking some events gave.</summary>
/// <param name="Messages">Messages that went to the inbox.</param>
/// <param name="Handled">Events that had their effect.</param>
/// <param name="Refused">Events that were passed over.</param>
public sealed record IntakeReport(int Messages, int Handled, int Refused)
{
    /// <summary>Nothing.</summary>
    public static IntakeReport Nothing { get; } = new(0, 0, 0);

    /// <summary>Both together.</summary>
    public IntakeReport Plus(IntakeReport other) => new(Messages + other.Messages, Handled + other.Handled, Refused + other.Refused);
}

/// <summary>
/// Takes events out of mailboxes (wire.md §2.4 to §2.6, wireps.md §5): checks each, lets the handler of its type work,
/// and stores what became of it. An event is taken once; one that does not hold is recorded and passed over, and never
/// keeps those behind it from being taken.
/// </summary>
public sealed class EventIntake
{
    private const int MaxEventBytes = 256 * 1024;
    private const int MaxMemberLength = 256;

    private readonly WireHome _home;
    private readonly IFileSystem _files;
    private readonly TrustStore _trust;
    private readonly IdentityStore _identity;
    private readonly TimeProvider _time;
    private readonly RefusedEvents _refused;
    private readonly ParkedEvents _parked;
    private readonly MailPlaces _places;
    private readonly string _lockFile;
    private readonly Dictionary<(uint Kind, string Type), IEventTaker> _handlers = [];

    internal EventIntake(WireHome home, IFileSystem files, TrustStore trust, IdentityStore identity, MailPlaces places, ReceivedIndex index, RefusedEvents refused, TimeProvider time)
    {
        _home = home;
        _files = files;
        _trust = trust;
        _identity = identity;
        _places = places;
        Index = index;
        _refused = refused;
        _parked = new ParkedEvents(home, files);
        _time = time;
        _lockFile = home.LockFile("inbox");
    }

    /// <summary>What was taken, in order.</summary>
    public ReceivedIndex Index { get; }

    /// <summary>Adds the handler of some types; each type has one.</summary>
    internal EventIntake With(IEventTaker handler)
    {
        foreach (var type in handler.Types)
        {
            _handlers.Add(type, handler);
        }

        return this;
    }

    /// <summary>Takes a page of a mailbox; it and the place after it are on disk when this returns.</summary>
    /// <returns>Null where another process has read on from <paramref name="before"/> meanwhile.</returns>
    internal async Task<IntakeReport?> TakePageAsync(Mailbox mailbox, MailPlace before, MailPage page, CancellationToken cancellationToken)
    {
        using (await _files.LockAsync(_lockFile, cancellationToken).ConfigureAwait(false))
        {
            if (_places.Of(mailbox) != before)
            {
                return null;
            }

            var now = _time.GetUtcNow();
            var events = page.Items.Select(item => new ParkedEvent(now, new EventOrigin(mailbox.RelayUrl, mailbox.SlotId, item.GrantId), item.Utf8.ToArray()));
            var report = await TakeAsync([.. events], cancellationToken).ConfigureAwait(false);
            await _places.SetAsync(mailbox, page.Next, cancellationToken).ConfigureAwait(false);
            return report;
        }
    }

    /// <summary>Looks again at the events whose sender was not known when they came.</summary>
    public async Task<IntakeReport> TakeParkedAsync(CancellationToken cancellationToken)
    {
        if (!_parked.Any())
        {
            return IntakeReport.Nothing;
        }

        using (await _files.LockAsync(_lockFile, cancellationToken).ConfigureAwait(false))
        {
            return await TakeAsync([], cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<IntakeReport> TakeAsync(IReadOnlyList<ParkedEvent> fresh, CancellationToken cancellationToken)
    {
        Index.Refresh();
        var parked = _parked.Any() ? _parked.List() : [];
        using var own = _identity.Open();
        var batch = new Batch(this, own);
        foreach (var item in parked.Concat(fresh))
        {
            await batch.AddAsync(item, cancellationToken).ConfigureAwait(false);
        }

        await batch.FlushAsync(cancellationToken).ConfigureAwait(false);
        return await StoreAsync(batch, parked, cancellationToken).ConfigureAwait(false);
    }

    private async Task<IntakeReport> StoreAsync(Batch batch, IReadOnlyList<ParkedEvent> before, CancellationToken cancellationToken)
    {
        // Parked first: a crash after it leaves an event in two places, of which the index makes one.
        var now = _time.GetUtcNow();
        var patient = batch.Parked.Where(p => now - p.ReceivedAt < ParkedEvents.Patience).ToList();
        foreach (var late in batch.Parked.Except(patient))
        {
            batch.Refuse(late, EventRefusal.UnknownSender, null);
        }

        var added = patient.Except(before).Any();
        if (added)
        {
            await ParkAsync(batch, patient, cancellationToken).ConfigureAwait(false);
        }

        Index.Append(AppendToInbox(batch.Taken));
        _refused.Append(batch.Refused);
        if (!added && patient.Count != before.Count)
        {
            await ParkAsync(batch, patient, cancellationToken).ConfigureAwait(false);
        }

        // Whoever writes messages to us has pinned us.
        foreach (var did in batch.Taken.Where(static t => t is { IsMessage: true, Incoming.Sender.PeerAcked: false }).Select(static t => t.Incoming.Sender!.Did).Distinct())
        {
            await _trust.SetPeerAckedAsync(did, cancellationToken).ConfigureAwait(false);
        }

        foreach (var (peer, seq) in batch.CardsTold.Values)
        {
            await _trust.NoteCardSeqToldAsync(peer, seq, cancellationToken).ConfigureAwait(false);
        }

        foreach (var (peer, seq) in batch.CardsToldByDevices.Values)
        {
            await _trust.NoteCardSeqToldByDeviceAsync(peer, seq, cancellationToken).ConfigureAwait(false);
        }

        var messages = batch.Taken.Count(static t => t.IsMessage);
        return new IntakeReport(messages, batch.Taken.Count - messages, batch.Refused.Count);
    }

    private async Task ParkAsync(Batch batch, IReadOnlyList<ParkedEvent> events, CancellationToken cancellationToken)
    {
        foreach (var tooMany in await _parked.ReplaceAsync(events, cancellationToken).ConfigureAwait(false))
        {
            batch.Refuse(tooMany, EventRefusal.LimitReached, "Too many events of senders that are not known.");
        }
    }

    /// <summary>Appends messages to their peers' files, one write for each peer, and makes the entries that point there.</summary>
    private List<ReceivedEntry> AppendToInbox(IReadOnlyList<Taken> taken)
    {
        var places = new Dictionary<Taken, (long Start, int Length)>();
        foreach (var ofPeer in taken.Where(static t => t.IsMessage).GroupBy(static t => t.Incoming.Sender!.Handle))
        {
            var path = InboxFileOf(_home, ofPeer.Key);
            using var text = new MemoryStream();
            var start = _files.Length(path);

            // What a process that died has left half-written ends here; nothing points to it.
            if (start > 0 && _files.ReadPrivateRange(path, start - 1, 1) is not [(byte)'\n'])
            {
                text.WriteByte((byte)'\n');
            }

            foreach (var one in ofPeer)
            {
                var line = one.Incoming.Event.Json.ToCompactBytes();
                places[one] = (start + text.Length, line.Length);
                text.Write(line);
                text.WriteByte((byte)'\n');
            }

            _files.AppendPrivate(path, text.ToArray());
        }

        var seq = Index.LastSeq;
        var now = _time.GetUtcNow();
        return [.. taken.Select(t =>
        {
            var (start, length) = places.TryGetValue(t, out var place) ? place : (-1, 0);
            var e = t.Incoming;
            return new ReceivedEntry(++seq, now, e.Event.EventId!, t.Timestamp, e.Device is null ? e.Event.From! : e.Sender!.Did, t.IsMessage ? e.Sender!.Handle : null, e.Event.Type, e.Event.Kind, e.IsSealed, start, length)
            {
                Device = e.Device?.Did,
                DeviceKey = e.Device is null ? null : StrictBase64.Encode(e.Device.Key),
                DeviceDhKey = e.Device is null ? null : StrictBase64.Encode(e.Device.DhPublicKey),
            };
        })];
    }

    /// <summary>The file that holds the messages of a peer.</summary>
    internal static string InboxFileOf(WireHome home, string handle) =>
        HandleRules.IsSafeFileName(handle) ? Path.Combine(home.InboxFolder, handle + ".jsonl") : throw new WireException(WireReason.InvalidHandle, null, handle);

    /// <summary>One event that was taken.</summary>
    private sealed record Taken(IncomingEvent Incoming, DateTimeOffset Timestamp, bool IsMessage);

    /// <summary>The events of one pass; those of one handler that follow each other go to it together.</summary>
    private sealed class Batch(EventIntake intake, OwnIdentity own)
    {
        private readonly List<(IncomingEvent Event, ParkedEvent Source, DateTimeOffset Timestamp)> _group = [];
        private readonly HashSet<string> _ids = new(StringComparer.Ordinal);
        private readonly HashSet<string> _settled = new(StringComparer.Ordinal);
        private readonly Dictionary<TrustEntry, ImmutableArray<DeviceEntry>> _devices = new(ReferenceEqualityComparer.Instance);
        private IEventTaker? _handler;
        private IReadOnlyList<TrustEntry>? _peers;

        public List<Taken> Taken { get; } = [];

        public List<RefusedEvent> Refused { get; } = [];

        public List<ParkedEvent> Parked { get; } = [];

        /// <summary>Senders that say they have a newer card than any that is known of them.</summary>
        public Dictionary<string, (TrustEntry Peer, long Seq)> CardsTold { get; } = new(StringComparer.Ordinal);

        /// <summary>The same, where a device says so in the sender's name.</summary>
        public Dictionary<string, (TrustEntry Peer, long Seq)> CardsToldByDevices { get; } = new(StringComparer.Ordinal);

        private IReadOnlyList<TrustEntry> Peers => _peers ??= intake._trust.ListAll();

        public async Task AddAsync(ParkedEvent source, CancellationToken cancellationToken)
        {
            if (Read(source) is not { } signed)
            {
                Refuse(source, EventRefusal.Malformed, null);
                return;
            }

            // What was taken before is neither an effect nor a fault: relays and their owners may repeat it at will.
            var handler = HandlerOf(signed);
            if (signed.EventId is { } id && (intake.Index.Contains(id) || _ids.Contains(id)))
            {
                return;
            }

            // The handlers before this event may have made its sender known.
            if (handler != _handler)
            {
                await FlushAsync(cancellationToken).ConfigureAwait(false);
                _handler = handler;
            }

            var (outcome, incoming, timestamp) = Check(source, signed, handler);
            if (incoming is null)
            {
                Settle(source, null, timestamp, outcome!);
                return;
            }

            // A type of first contact is not checked yet: an event that only claims this id must not hide the one that has it.
            if (handler?.IsFirstContact != true)
            {
                _ids.Add(signed.EventId!);
            }

            _group.Add((incoming, source, timestamp));
        }

        public async Task FlushAsync(CancellationToken cancellationToken)
        {
            if (_group.Count > 0)
            {
                IReadOnlyList<EventOutcome> outcomes = _handler is null
                    ? [.. _group.Select(static g => OutcomeOfOthers(g.Event.Event))]
                    : await TakeAsync(_handler, [.. _group.Select(static g => g.Event)], cancellationToken).ConfigureAwait(false);
                for (var i = 0; i < _group.Count; i++)
                {
                    Settle(_group[i].Source, _group[i].Event, _group[i].Timestamp, outcomes[i]);
                }
            }

            _group.Clear();
            _peers = null;
            _devices.Clear();
        }

        /// <summary>Gives events to their handler. Where it fails over one of them, each is given alone, and that one is refused.</summary>
        private static async Task<IReadOnlyList<EventOutcome>> TakeAsync(IEventTaker handler, IReadOnlyList<IncomingEvent> events, CancellationToken cancellationToken)
        {
            try
            {
                return await handler.TakeAsync(events, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (EventFault.IsOfEvent(error))
            {
                if (events.Count == 1)
                {
                    return [EventFault.RefusalOf(error)];
                }
            }

            var outcomes = new List<EventOutcome>(events.Count);
            foreach (var one in events)
            {
                outcomes.AddRange(await TakeAsync(handler, [one], cancellationToken).ConfigureAwait(false));
            }

            return outcomes;
        }

        public void Refuse(ParkedEvent source, EventRefusal why, string? detail)
        {
            var signed = Read(source);
            Refused.Add(new RefusedEvent(intake._time.GetUtcNow(), why, detail, signed?.EventId, signed?.From, signed?.Type, signed?.Kind, source.Origin.RelayUrl, source.Origin.GrantId));
        }

        private void Settle(ParkedEvent source, IncomingEvent? incoming, DateTimeOffset timestamp, EventOutcome outcome)
        {
            switch (outcome)
            {
                case EventOutcome.Refused refused:
                    Refuse(source, refused.Why, refused.Detail);
                    break;
                case EventOutcome.Parked when !Parked.Exists(p => p.Utf8.AsSpan().SequenceEqual(source.Utf8)):
                    Parked.Add(source);
                    break;
                case EventOutcome.Parked:
                    break;
                case EventOutcome.ToInbox when !HandleRules.IsSafeFileName(incoming!.Sender!.Handle):
                    // One name that is no file's must not keep a whole page from being taken (flaw I21).
                    Refuse(source, EventRefusal.Malformed, "The sender's name cannot be the name of a file.");
                    break;
                default:
                    // One of first contact may stand in a group twice.
                    if (_settled.Add(incoming!.Event.EventId!))
                    {
                        _ids.Add(incoming.Event.EventId!);
                        Taken.Add(new Taken(incoming, timestamp, outcome is EventOutcome.ToInbox));
                    }

                    break;
            }
        }

        private IEventTaker? HandlerOf(SignedEvent signed) =>
            signed.Type is { } type ? intake._handlers.GetValueOrDefault((signed.Kind, type)) : null;

        private (EventOutcome? Outcome, IncomingEvent? Event, DateTimeOffset Timestamp) Check(ParkedEvent source, SignedEvent signed, IEventTaker? handler)
        {
            if (CheckShape(signed, handler, out var timestamp) is { } shape)
            {
                return (shape, null, timestamp);
            }

            if (handler?.IsFirstContact == true)
            {
                return (null, new IncomingEvent(signed, null, signed.Body, signed.Enc is not null, source.Origin, source.ReceivedAt), timestamp);
            }

            DeviceEntry? device = null;
            if ((signed.Principal is { } principal ? FindDevice(signed, principal, handler, out var sender, out device) : FindSender(signed, out sender)) is { } unknown)
            {
                return (unknown, null, timestamp);
            }

            NoteCardTold(signed, sender!);
            var body = signed.Body;
            if (signed.Enc is not null && ((device?.DhPublicKey ?? sender!.DhPublicKey) is not { } dh || !own.TryOpenBody(signed, dh, out body)))
            {
                return (EventOutcome.Refuse(EventRefusal.SealBroken), null, timestamp);
            }

            return (null, new IncomingEvent(signed, sender, body, signed.Enc is not null, source.Origin, source.ReceivedAt) { Device = device }, timestamp);
        }

        /// <summary>Notes that the sender has a newer card than is known here, where its event says so.</summary>
        private void NoteCardTold(SignedEvent signed, TrustEntry sender)
        {
            var (told, seq, known) = signed.Principal is { } principal
                ? (CardsToldByDevices, principal.CardSeq, Math.Max(sender.CardSeq, sender.CardSeqToldByDevices))
                : (CardsTold, signed.CardSeq, sender.CardSeqTold);
            if (seq > Math.Max(known, told.GetValueOrDefault(sender.Did).Seq))
            {
                told[sender.Did] = (sender, seq);
            }
        }

        private EventOutcome? CheckShape(SignedEvent signed, IEventTaker? handler, out DateTimeOffset timestamp)
        {
            var now = intake._time.GetUtcNow();
            var hasTime = Timestamps.TryParse(signed.Json.GetString("timestamp"), out timestamp);
            if (signed.Json.GetString("schema_version") is { } schema && schema.Split('.')[0] != "v3")
            {
                return EventOutcome.Refuse(EventRefusal.SchemaUnsupported, schema);
            }

            if (handler is null && OutcomeOfOthers(signed) is EventOutcome.Refused unknown)
            {
                return unknown;
            }

            if (!hasTime || signed is not { EventId: not null, From: { Length: > 0 and <= MaxMemberLength }, To: { Length: > 0 and <= MaxMemberLength } } || signed.Type is null or { Length: > MaxMemberLength })
            {
                return EventOutcome.Refuse(EventRefusal.Malformed, "A member is missing.");
            }

            // Acknowledgements of the wire program name the recipient without its key (wire.md §7.6).
            var isToUs = signed.To == own.Card.Did || (signed.Type == EventTypes.PairDropAck && signed.To == "did:wire:" + own.Card.Handle);
            return !isToUs ? EventOutcome.Refuse(EventRefusal.WrongRecipient)

                // One from the future is remembered until then: a clock that is wrong here costs no message.
                : timestamp < now - ReceivedIndex.OldestTaken ? EventOutcome.Refuse(EventRefusal.TooOld)
                : null;
        }

        private EventOutcome? FindSender(SignedEvent signed, out TrustEntry? sender) =>
            FindPeer(signed.From!, out sender) ?? Verify(signed, sender!.EventKey) ?? CheckStanding(sender);

        /// <summary>
        /// Finds who speaks by a device: the identity that the event names must be known, and its card must list the device that
        /// signed it, with the right to send (wireps.md §7). A device sends messages and nothing that has an effect.
        /// </summary>
        private EventOutcome? FindDevice(SignedEvent signed, EventPrincipal principal, IEventTaker? handler, out TrustEntry? sender, out DeviceEntry? device)
        {
            device = null;
            if (FindPeer(principal.Did, out sender) is { } unknown)
            {
                return unknown;
            }

            device = DevicesOf(sender!).FirstOrDefault(d => d.Did == signed.From);
            if (device is null)
            {
                // The card that lists it may be on its way still; one that is here already is the one that counts.
                return principal.CardSeq > sender!.CardSeq && CheckStanding(sender) is null
                    ? EventOutcome.Later
                    : EventOutcome.Refuse(EventRefusal.RightMissing, "The sender is no device of the identity that it names.");
            }

            var refusal = Verify(signed, device.EventKey) ?? CheckStanding(sender!);
            if (refusal is not null)
            {
                return refusal;
            }

            return handler is not null || !device.May(DeviceRights.Send) ? EventOutcome.Refuse(EventRefusal.RightMissing, "The device may not send this in the name of its identity.")

                // The card that never came may be the one that drops the device.
                : sender!.IsCardBehind || CardsTold.GetValueOrDefault(sender.Did).Seq > sender.CardSeq ? EventOutcome.Later
                : null;
        }

        // Reading the list checks its keys: once for all events of a pass.
        private ImmutableArray<DeviceEntry> DevicesOf(TrustEntry peer)
        {
            if (!_devices.TryGetValue(peer, out var devices))
            {
                _devices[peer] = devices = peer.Devices;
            }

            return devices;
        }

        private EventOutcome? FindPeer(string did, out TrustEntry? peer)
        {
            peer = Peers.FirstOrDefault(p => p.Did == did);
            if (peer is null)
            {
                var handle = WireDid.DisplayHandle(did);
                return Peers.Any(p => p.Handle == handle) ? EventOutcome.Refuse(EventRefusal.UnknownKey) : EventOutcome.Later;
            }

            // Another program's trust store may hold a name that cannot be the name of a file (wire.md §11.4, I4 and I21).
            return HandleRules.IsSafeFileName(peer.Handle) ? null : EventOutcome.Refuse(EventRefusal.Malformed, "The sender's name cannot be the name of a file.");
        }

        private static EventOutcome? CheckStanding(TrustEntry sender) =>
            sender.RevokedAt is not null ? EventOutcome.Refuse(EventRefusal.Revoked)
            : sender.Tier == TrustTier.Untrusted ? EventOutcome.Refuse(EventRefusal.TierTooLow)
            : null;

        private static EventOutcome? Verify(SignedEvent signed, EventKey key)
        {
            EventKey[] keys = [key];
            return signed.Verify(_ => keys) switch
            {
                EventVerdict.Valid => null,
                EventVerdict.IdMismatch => EventOutcome.Refuse(EventRefusal.IdMismatch),
                EventVerdict.UnknownKey or EventVerdict.KeyInactive => EventOutcome.Refuse(EventRefusal.UnknownKey),
                EventVerdict.SignatureRejected or EventVerdict.DecodeFailed => EventOutcome.Refuse(EventRefusal.BadSignature),
                _ => EventOutcome.Refuse(EventRefusal.Malformed),
            };
        }

        /// <summary>What becomes of events that no handler takes: messages by their kind, the rest by nobody (wire.md §2.3).</summary>
        private static EventOutcome OutcomeOfOthers(SignedEvent signed) => signed.Kind switch
        {
            EventKinds.Message or EventKinds.Decision or EventKinds.Claim or EventKinds.Ack => EventOutcome.Message,
            EventKinds.Heartbeat => EventOutcome.Done,
            _ => EventOutcome.Refuse(EventRefusal.UnknownKind),
        };

        private static SignedEvent? Read(ParkedEvent source)
        {
            if (source.Utf8.Length > MaxEventBytes)
            {
                return null;
            }

            try
            {
                return SignedEvent.Parse(source.Utf8);
            }
            catch (WireException error) when (error.Reason is WireReason.InvalidJson or WireReason.InvalidEvent)
            {
                return null;
            }
        }
    }
}
