using System.Collections.Concurrent;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Relay;

namespace WirePS.Tests.Support;

/// <summary>What a client asked of a <see cref="FakeRelay"/>.</summary>
internal enum RelayAction
{
    Health,
    Info,
    Allocate,
    PutGrant,
    RevokeGrant,
    Open,
    Read,
    Post,
    Abandon,
    Finish,
    Put2,
    Read2,
    Leave2,
    PostEvent,
    ReadEvents,
    AckEvents,
    Claim,
    Unclaim,
    Resolve,
    ListHandles,
    Introduce,
}

/// <summary>One request, as the relay or the network saw it.</summary>
internal sealed record RelayCall(string Client, RelayAction Action, string? Subject = null, string? Slot = null);

/// <summary>What goes wrong with a request.</summary>
internal abstract record RelayFault
{
    /// <summary>The request never arrives.</summary>
    internal sealed record DropBefore : RelayFault;

    /// <summary>The request arrives, the answer does not.</summary>
    internal sealed record DropAfter : RelayFault;

    /// <summary>The relay refuses it for a while.</summary>
    internal sealed record RateLimited(TimeSpan? RetryAfter) : RelayFault;

    /// <summary>The relay is in trouble.</summary>
    internal sealed record ServerError(TimeSpan? RetryAfter = null) : RelayFault;

    /// <summary>The answer is not one of a relay.</summary>
    internal sealed record Nonsense : RelayFault;

    /// <summary>Nothing comes back until the signal, or the client gives up.</summary>
    internal sealed record Hang(Task Until) : RelayFault;

    /// <summary>The relay sees the request only after a time on its clock.</summary>
    internal sealed record Delay(TimeSpan Time) : RelayFault;
}

/// <summary>
/// A relay in memory, with the semantics of ours (relay-v2.md) or of one that speaks v1 only (wire.md §4.8): no info, no
/// grants, no wait, no absolute expiry, 409 for every repeated open, loss of what nobody touched for 300 seconds.
/// </summary>
internal sealed class FakeRelay
{
    public const string DefaultUrl = "https://relay.example.net";

    private static readonly TimeSpan IdleLimit = TimeSpan.FromSeconds(300);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Rendezvous> _byId = [];
    private readonly Dictionary<string, (string Token, HashSet<string> Grants, HashSet<string> Revoked)> _slots = [];
    private readonly Dictionary<(string Slot, string Grant), string> _grantTokens = [];
    private readonly Dictionary<(string Slot, string Grant), DateTimeOffset> _grantEnds = [];
    private RelayRooms _rooms = new();
    private int _counter;
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public FakeRelay(TimeProvider time, bool isOurs = true, string url = DefaultUrl)
    {
        Time = time;
        Url = url;
        RelayId = isOurs ? Hex(32, 0xAA) : null;
    }

    public TimeProvider Time { get; }

    public string Url { get; }

    /// <summary>Null on a relay that speaks v1 only.</summary>
    public string? RelayId { get; private set; }

    /// <summary>Decides what goes wrong with a request; null where all goes well.</summary>
    public Func<RelayCall, RelayFault?>? Weather { get; set; }

    /// <summary>Changes what a reader is told: a relay that lies.</summary>
    public Func<string, PairRole, V1PairView, V1PairView>? Lie { get; set; }

    /// <summary>Changes what a reader of v2 is told.</summary>
    public Func<V2PairSide, V2View, V2View>? Lie2 { get; set; }

    /// <summary>False for a relay of ours from before v2 pairings, or one that has been set back to it.</summary>
    public bool SpeaksV2 { get; set; } = true;

    /// <summary>By how much its clock is said to be ahead.</summary>
    public TimeSpan? ClockSkew { get; set; }

    /// <summary>The rendezvous of v2.</summary>
    public RelayRooms Rooms => _rooms;

    /// <summary>The events of the mailboxes.</summary>
    public MailRooms Mail { get; } = new();

    /// <summary>The directory of handles.</summary>
    public DirectoryRooms Directory { get; } = new();

    /// <summary>Changes what is said of a handle: a directory that lies.</summary>
    public Func<string, DirectoryRecord?, DirectoryRecord?>? LieOfDirectory { get; set; }

    /// <summary>Changes the events that a reader is given: a relay that lies.</summary>
    public Func<Mailbox, MailPage, MailPage>? LieOfMail { get; set; }

    /// <summary>Every request that arrived.</summary>
    public ConcurrentQueue<RelayCall> Calls { get; } = new();

    /// <summary>Every request that was sent, whether it arrived or not.</summary>
    public ConcurrentQueue<RelayCall> Attempts { get; } = new();

    /// <summary>How many rendezvous there are.</summary>
    public int Rendezvouses
    {
        get
        {
            lock (_gate)
            {
                return _byId.Count;
            }
        }
    }

    /// <summary>The grants that are honoured, over all mailboxes.</summary>
    public IReadOnlyList<string> LiveGrants
    {
        get
        {
            lock (_gate)
            {
                return [.. _slots.Values.SelectMany(static s => s.Grants)];
            }
        }
    }

    /// <summary>The mailboxes' own tokens.</summary>
    public IReadOnlyList<string> SlotTokens
    {
        get
        {
            lock (_gate)
            {
                return [.. _slots.Values.Select(static s => s.Token)];
            }
        }
    }

    /// <summary>The relay has a mailbox of somebody else.</summary>
    public void Hold(string slotId, string token)
    {
        lock (_gate)
        {
            _slots[slotId] = (token, [], []);
        }
    }

    /// <summary>The relay is one that speaks v1 only now, with the mailboxes that it has.</summary>
    public void ForgetGrants()
    {
        lock (_gate)
        {
            RelayId = null;
        }
    }

    public int CountOf(RelayAction action) => Calls.Count(c => c.Action == action);

    /// <summary>True where the mailbox takes a message that is sent with this token.</summary>
    public bool TakesMessage(string slotId, string token)
    {
        lock (_gate)
        {
            return _slots.TryGetValue(slotId, out var slot)
                && (slot.Token == token || slot.Grants.Any(grant => _grantTokens[(slotId, grant)] == token));
        }
    }

    /// <summary>What an attacker or another person does: opens a side with a message of its own.</summary>
    public string? OpenAs(string codeHash, PairRole role, string msg)
    {
        lock (_gate)
        {
            return OpenLocked(codeHash, role, msg, TimeSpan.FromHours(24))?.PairId;
        }
    }

    /// <summary>All of v2 as it is now, to go back to. Mailboxes are not in it: what of them is lost is not found again by anybody.</summary>
    public RelayRooms Backup()
    {
        lock (_gate)
        {
            return _rooms.Copy();
        }
    }

    /// <summary>The rendezvous are those of an earlier time; the relay says that it is the same one.</summary>
    public void Restore(RelayRooms backup)
    {
        lock (_gate)
        {
            _rooms = backup.Copy();
            Announce();
        }
    }

    /// <summary>The data is gone, as after a loss of the disk; another relay id means that.</summary>
    public void LoseEverything()
    {
        lock (_gate)
        {
            _byId.Clear();
            _slots.Clear();
            _grantTokens.Clear();
            _rooms = new RelayRooms();
            if (RelayId is not null)
            {
                RelayId = Hex(32, 0xBB + _counter++);
            }

            Announce();
        }
    }

    /// <summary>The mailboxes are gone, as with a backup from before they were made; the relay says that it is the same one.</summary>
    public void LoseMailboxes()
    {
        lock (_gate)
        {
            _slots.Clear();
            _grantTokens.Clear();
        }
    }

    /// <summary>The side's bootstrap as the relay holds it; null for none.</summary>
    public string? BootstrapOf(PairRole role)
    {
        lock (_gate)
        {
            return _byId.Values.Select(r => role == PairRole.Host ? r.HostBootstrap : r.GuestBootstrap).FirstOrDefault(b => b is not null);
        }
    }

    public IRelayConnections ConnectionsOf(string client) => new Connections(this, client);

    private static string Hex(int length, int value) => value.ToString("x", System.Globalization.CultureInfo.InvariantCulture).PadLeft(length, '0');

    private void Announce()
    {
        var news = _news;
        _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
        news.SetResult();
    }

    private V1Opening? OpenLocked(string codeHash, PairRole role, string msg, TimeSpan lifetime)
    {
        Sweep();
        var now = Time.GetUtcNow();
        var found = _byId.Values.FirstOrDefault(r => r.CodeHash == codeHash);
        if (found is null)
        {
            found = new Rendezvous(Hex(32, ++_counter), codeHash) { ExpiresAt = now + lifetime };
            _byId[found.PairId] = found;
        }
        else if (role == PairRole.Host && found.HostMsg is null)
        {
            found.ExpiresAt = now + lifetime;
        }

        var present = role == PairRole.Host ? found.HostMsg : found.GuestMsg;
        if (present is not null && (RelayId is null || present != msg))
        {
            return null;
        }

        found.Touched = now;
        if (role == PairRole.Host)
        {
            found.HostMsg = msg;
        }
        else
        {
            found.GuestMsg = msg;
        }

        Announce();
        return new V1Opening(found.PairId, RelayId is null ? null : found.ExpiresAt);
    }

    private Rendezvous? FindLocked(string pairId)
    {
        Sweep();
        if (_byId.TryGetValue(pairId, out var found))
        {
            found.Touched = Time.GetUtcNow();
        }

        return found;
    }

    private void Sweep()
    {
        var now = Time.GetUtcNow();
        foreach (var gone in _byId.Values.Where(r => RelayId is null ? now - r.Touched > IdleLimit : now >= r.RemoveAt).ToList())
        {
            _byId.Remove(gone.PairId);
        }
    }

    private sealed class Rendezvous(string pairId, string codeHash)
    {
        public string PairId { get; } = pairId;

        public string CodeHash { get; } = codeHash;

        public string? HostMsg { get; set; }

        public string? GuestMsg { get; set; }

        public string? HostBootstrap { get; set; }

        public string? GuestBootstrap { get; set; }

        public bool HostDone { get; set; }

        public bool GuestDone { get; set; }

        public DateTimeOffset ExpiresAt { get; set; }

        public DateTimeOffset Touched { get; set; }

        public DateTimeOffset? DecidedAt { get; set; }

        public DateTimeOffset? EndedAt { get; set; }

        public DateTimeOffset RemoveAt => EndedAt?.AddDays(7) ?? DecidedAt?.AddDays(30) ?? ExpiresAt;
    }

    private sealed class Connections(FakeRelay relay, string client) : IRelayConnections
    {
        public IRelay To(string url) => url == relay.Url ? new Client(relay, client) : throw new InvalidOperationException($"There is no relay at {url}.");
    }

    private sealed class Client(FakeRelay relay, string client) : IRelay, IV1PairRoutes, IV2PairRoutes, IMailRoutes, IDirectoryRoutes
    {
        public string Url => relay.Url;

        public IV1PairRoutes V1Pairs => this;

        public IV2PairRoutes V2Pairs => this;

        public IMailRoutes Mail => this;
        public TimeSpan? ClockSkew => relay.ClockSkew;

        public IDirectoryRoutes Directory => this;

        public Task CheckHealthAsync(CancellationToken cancellationToken) => DoAsync(RelayAction.Health, null, static () => true, cancellationToken);

        public Task<RelayInfo?> GetInfoAsync(CancellationToken cancellationToken) => DoAsync(
            RelayAction.Info,
            null,
            () => relay.RelayId is { } id ? new RelayInfo(id, "test", relay.SpeaksV2 ? ["v1", "v2"] : ["v1"], relay.Time.GetUtcNow()) : null,
            cancellationToken);

        public Task<Mailbox> AllocateMailboxAsync(CancellationToken cancellationToken) => DoAsync(
            RelayAction.Allocate,
            null,
            () =>
            {
                var slot = Hex(32, 0x510000 + ++relay._counter);
                var token = Hex(64, 0x70CE0000 + relay._counter);
                relay._slots[slot] = (token, [], []);
                return new Mailbox(relay.Url, slot, token);
            },
            cancellationToken);

        public Task<bool> PutGrantAsync(Mailbox mailbox, Grant grant, CancellationToken cancellationToken) => DoAsync(
            RelayAction.PutGrant,
            grant.Id,
            () =>
            {
                if (relay.RelayId is not null && !relay._slots.ContainsKey(mailbox.SlotId))
                {
                    return false;
                }

                var slot = SlotOf(mailbox);
                if (slot.Revoked.Contains(grant.Id))
                {
                    throw new RelayException(WireReason.RelayRefused, $"The relay {mailbox.RelayUrl} knows the grant as one that was revoked.", mailbox.RelayUrl) { IsGrantRevoked = true };
                }

                slot.Grants.Add(grant.Id);
                relay._grantTokens[(mailbox.SlotId, grant.Id)] = grant.Token;
                relay._grantEnds[(mailbox.SlotId, grant.Id)] = grant.ExpiresAt ?? DateTimeOffset.MaxValue;
                return true;
            },
            cancellationToken);

        public Task RevokeGrantAsync(Mailbox mailbox, string grantId, CancellationToken cancellationToken) => DoAsync(
            RelayAction.RevokeGrant,
            grantId,
            () =>
            {
                if (relay.RelayId is not null && relay._slots.TryGetValue(mailbox.SlotId, out var slot))
                {
                    slot.Grants.Remove(grantId);
                    slot.Revoked.Add(grantId);
                }

                return true;
            },
            cancellationToken);

        public Task<V1Opening?> OpenAsync(V1OpenRequest request, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Open,
            request.CodeHash,
            () => relay.OpenLocked(request.CodeHash, request.Role, request.Msg, request.ExpiresIn),
            cancellationToken);

        public async Task<V1PairView?> ReadAsync(string pairId, PairRole role, V1Have have, TimeSpan wait, CancellationToken cancellationToken)
        {
            var deadline = relay.Time.GetUtcNow() + wait;
            while (true)
            {
                Task news = Task.CompletedTask;
                var view = await DoAsync(RelayAction.Read, pairId, () =>
                {
                    news = relay._news.Task;
                    return View(pairId, role);
                }, cancellationToken);
                if (view is not null && relay.Lie is { } lie)
                {
                    view = lie(client, role, view);
                }

                var left = deadline - relay.Time.GetUtcNow();
                if (view is null || view.IsMoreThan(have) || left <= TimeSpan.Zero)
                {
                    return view;
                }

                // A client waits in one request; for the count of requests it makes no difference here.
                using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                await Task.WhenAny(news, Task.Delay(left, relay.Time, over.Token));
                await over.CancelAsync();
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        public Task<V1PostResult> PostBootstrapAsync(string pairId, PairRole role, string sealedBootstrap, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Post,
            pairId,
            () =>
            {
                if (relay.FindLocked(pairId) is not { } found)
                {
                    return V1PostResult.Gone;
                }

                var present = role == PairRole.Host ? found.HostBootstrap : found.GuestBootstrap;
                if (relay.RelayId is not null && (found.EndedAt is not null || (present is not null && present != sealedBootstrap)))
                {
                    return V1PostResult.Conflict;
                }

                if (role == PairRole.Host)
                {
                    found.HostBootstrap = sealedBootstrap;
                }
                else
                {
                    found.GuestBootstrap = sealedBootstrap;
                }

                if (found is { HostBootstrap: not null, GuestBootstrap: not null })
                {
                    found.DecidedAt ??= relay.Time.GetUtcNow();
                }

                relay.Announce();
                return V1PostResult.Posted;
            },
            cancellationToken);

        public Task AbandonAsync(string codeHash, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Abandon,
            codeHash,
            () =>
            {
                foreach (var found in relay._byId.Values.Where(r => r.CodeHash == codeHash && (relay.RelayId is null || r.DecidedAt is null)).ToList())
                {
                    relay._byId.Remove(found.PairId);
                    relay.Announce();
                }

                return true;
            },
            cancellationToken);

        public Task FinishAsync(string codeHash, string pairId, PairRole role, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Finish,
            codeHash,
            () =>
            {
                if (relay.RelayId is null)
                {
                    // To a relay of the other program this is an abandon.
                    relay._byId.Remove(pairId);
                    return true;
                }

                if (relay.FindLocked(pairId) is { DecidedAt: not null } found && found.CodeHash == codeHash)
                {
                    if (role == PairRole.Host)
                    {
                        found.HostDone = true;
                    }
                    else
                    {
                        found.GuestDone = true;
                    }

                    if (found is { HostDone: true, GuestDone: true } && found.EndedAt is null)
                    {
                        found.EndedAt = relay.Time.GetUtcNow();
                        (found.HostMsg, found.GuestMsg, found.HostBootstrap, found.GuestBootstrap) = (null, null, null, null);
                    }

                    relay.Announce();
                }

                return true;
            },
            cancellationToken);

        public Task<V2PutReply> PutAsync(V2PairSide side, int phase, string body, TimeSpan? expiresIn, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Put2,
            $"{side.Role} {phase}",
            () =>
            {
                RequireV2();
                var reply = relay._rooms.Put(side, phase, body, expiresIn, relay.Time.GetUtcNow());
                relay.Announce();
                return reply;
            },
            cancellationToken);

        public async Task<V2View> ReadAsync(V2PairSide side, V2Known known, TimeSpan wait, CancellationToken cancellationToken)
        {
            var deadline = relay.Time.GetUtcNow() + wait;
            while (true)
            {
                Task news = Task.CompletedTask;
                var view = await DoAsync(
                    RelayAction.Read2,
                    side.Role.ToString(),
                    () =>
                    {
                        RequireV2();
                        news = relay._news.Task;
                        return relay._rooms.Read(side, known.After, relay.Time.GetUtcNow());
                    },
                    cancellationToken);
                view = relay.Lie2?.Invoke(side, view) ?? view;
                var left = deadline - relay.Time.GetUtcNow();
                if (left <= TimeSpan.Zero || RelayRooms.IsNews(side, view, known))
                {
                    return view;
                }

                using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                await Task.WhenAny(news, Task.Delay(left, relay.Time, over.Token));
                await over.CancelAsync();
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        public Task<IReadOnlyList<V2News>> WaitAnyAsync(IReadOnlyList<(V2PairSide Side, V2Known Known)> sides, TimeSpan wait, CancellationToken cancellationToken) =>
            throw new NotSupportedException("Each pairing waits for itself here.");

        public Task<V2Refusal?> LeaveAsync(V2PairSide side, string reason, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Leave2,
            $"{side.Role} {reason}",
            () =>
            {
                RequireV2();
                var refusal = relay._rooms.Leave(side, reason, relay.Time.GetUtcNow());
                relay.Announce();
                return refusal;
            },
            cancellationToken);

        public Task<PostOutcome> PostAsync(string slotId, string token, SignedEvent item, CancellationToken cancellationToken) => DoAsync(
            RelayAction.PostEvent,
            item.Type,
            () =>
            {
                if (!relay._slots.TryGetValue(slotId, out var slot))
                {
                    return PostOutcome.Stale;
                }

                var grant = slot.Grants.FirstOrDefault(g => relay._grantTokens[(slotId, g)] == token && relay.Time.GetUtcNow() < relay._grantEnds[(slotId, g)]);
                if (grant is null && slot.Token != token)
                {
                    return PostOutcome.Stale;
                }

                var outcome = relay.Mail.Post(slotId, grant, item.Json.ToCompactBytes(), item.EventId);
                relay.Announce();
                return outcome;
            },
            cancellationToken,
            slotId);

        public async Task<MailPage> ReadAsync(Mailbox mailbox, MailPlace after, int limit, TimeSpan wait, CancellationToken cancellationToken)
        {
            var deadline = relay.Time.GetUtcNow() + wait;
            while (true)
            {
                Task news = Task.CompletedTask;
                var page = await DoAsync(
                    RelayAction.ReadEvents,
                    null,
                    () =>
                    {
                        news = relay._news.Task;
                        RequireMailbox(mailbox);
                        return relay.RelayId is null ? relay.Mail.ReadById(mailbox.SlotId, after, limit) : relay.Mail.Read(mailbox.SlotId, after, limit);
                    },
                    cancellationToken);
                page = relay.LieOfMail?.Invoke(mailbox, page) ?? page;
                var left = deadline - relay.Time.GetUtcNow();
                if (left <= TimeSpan.Zero || page.Items.Count > 0 || page.Dropped > 0)
                {
                    return page;
                }

                using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                await Task.WhenAny(news, Task.Delay(left, relay.Time, over.Token));
                await over.CancelAsync();
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        public Task<bool> AckAsync(Mailbox mailbox, MailPlace upTo, CancellationToken cancellationToken) => DoAsync(
            RelayAction.AckEvents,
            null,
            () =>
            {
                RequireMailbox(mailbox);
                return relay.RelayId is null || upTo.Sequence == 0 || relay.Mail.Ack(mailbox.SlotId, upTo.Sequence);
            },
            cancellationToken);

        public Task<HandleClaim> ClaimAsync(Mailbox mailbox, AgentCard card, bool? isListed, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Claim,
            card.Handle,
            () =>
            {
                RequireMailbox(mailbox);
                return relay.Directory.Claim(mailbox.SlotId, card, isListed, relay.Time.GetUtcNow());
            },
            cancellationToken);

        public Task<bool> UnclaimAsync(Mailbox mailbox, string handle, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Unclaim,
            handle,
            () =>
            {
                RequireMailbox(mailbox);
                return relay.Directory.Unclaim(mailbox.SlotId, handle);
            },
            cancellationToken);

        public async Task<DirectoryRecord?> ResolveAsync(string handle, CancellationToken cancellationToken)
        {
            var record = await DoAsync(RelayAction.Resolve, handle, () => relay.Directory.Resolve(handle), cancellationToken);
            return relay.LieOfDirectory is { } lie ? lie(handle, record) : record;
        }

        public Task<DirectoryPage> ListAsync(string? after, int limit, CancellationToken cancellationToken) => DoAsync(
            RelayAction.ListHandles,
            after,
            () => relay.Directory.List(after, limit),
            cancellationToken);

        public Task<PostOutcome> IntroduceAsync(string handle, SignedEvent item, CancellationToken cancellationToken) => DoAsync(
            RelayAction.Introduce,
            handle,
            () => relay.Directory.SlotOf(handle) is { } slot ? relay.Mail.Post(slot, null, item.Json.ToCompactBytes(), item.EventId) : PostOutcome.Stale,
            cancellationToken);

        private void RequireMailbox(Mailbox mailbox)
        {
            if (!relay._slots.TryGetValue(mailbox.SlotId, out var slot) || slot.Token != mailbox.SlotToken)
            {
                throw new RelayException(WireReason.MailboxLost, $"The relay {Url} no longer knows a mailbox of this home.", Url);
            }
        }

        private void RequireV2()
        {
            if (relay.RelayId is null || !relay.SpeaksV2)
            {
                throw new RelayException(WireReason.RelayWithoutV2, $"The relay {Url} does not serve pairing protocol v2.", Url);
            }
        }

        private V1PairView? View(string pairId, PairRole role)
        {
            if (relay.FindLocked(pairId) is not { } found)
            {
                return null;
            }

            var (msg, bootstrap, done) = role == PairRole.Host
                ? (found.GuestMsg, found.GuestBootstrap, found.GuestDone)
                : (found.HostMsg, found.HostBootstrap, found.HostDone);
            return relay.RelayId is null ? new V1PairView(msg, bootstrap, null, false) : new V1PairView(msg, bootstrap, found.ExpiresAt, done);
        }

        private (string Token, HashSet<string> Grants, HashSet<string> Revoked) SlotOf(Mailbox mailbox) =>
            relay.RelayId is not null && relay._slots.TryGetValue(mailbox.SlotId, out var slot) && slot.Token == mailbox.SlotToken ? slot : throw Refused(404);

        private RelayException Refused(int status) => new(WireReason.RelayRefused, $"The relay {Url} refused the request (HTTP {status}).", Url);

        private async Task<T> DoAsync<T>(RelayAction action, string? subject, Func<T> work, CancellationToken cancellationToken, string? slot = null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var call = new RelayCall(client, action, subject, slot);
            relay.Attempts.Enqueue(call);
            var fault = relay.Weather?.Invoke(call);
            switch (fault)
            {
                case RelayFault.DropBefore:
                    await Task.Yield();
                    throw new RelayException(WireReason.RelayUnreachable, $"The relay {Url} could not be reached.", Url);
                case RelayFault.RateLimited limited:
                    throw new RelayException(WireReason.RelayRateLimited, $"The relay {Url} asks to slow down.", Url, limited.RetryAfter);
                case RelayFault.ServerError error:
                    throw new RelayException(WireReason.RelayRefused, $"The relay {Url} is in trouble (HTTP 503).", Url, error.RetryAfter);
                case RelayFault.Hang hang:
                    await hang.Until.WaitAsync(cancellationToken);
                    break;
                case RelayFault.Delay delay:
                    await Task.Delay(delay.Time, relay.Time, cancellationToken);
                    break;
                default:
                    break;
            }

            T result;
            lock (relay._gate)
            {
                relay.Calls.Enqueue(call);
                result = work();
            }

            return fault switch
            {
                RelayFault.DropAfter => throw new RelayException(WireReason.RelayUnreachable, $"The relay {Url} did not answer within 30 seconds.", Url),
                RelayFault.Nonsense => throw new RelayException(WireReason.RelayBadReply, $"What answers at {Url} is not a relay, or a broken one.", Url),
                _ => result,
            };
        }
    }
}
