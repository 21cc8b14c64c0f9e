using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Tests.Support;

namespace WirePS.Simulation.World;

/// <summary>The relay as one process reaches it: requests and replies are lost, doubled, late and out of order, as the weather of the schedule has it.</summary>
internal sealed class SimNetwork(SimSide side, SimProcess process) : IRelayConnections, IRelay, IV2PairRoutes, IMailRoutes
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public string Url => FakeRelay.DefaultUrl;

    public IV1PairRoutes V1Pairs => throw new NotSupportedException("Only v2 is spoken here.");

    public IV2PairRoutes V2Pairs => this;

    public IMailRoutes Mail => this;

    public IDirectoryRoutes Directory => throw new NotSupportedException("Nobody is looked up here.");

    private SimWorld World => side.World;

    private SimSide Side => side;

    private bool IsDead => process.IsDead;

    private IRelay Relay => side.AtRelay;

    public IRelay To(string url) => this;

    public Task CheckHealthAsync(CancellationToken cancellationToken) => SendAsync("health", () => Relay.CheckHealthAsync(CancellationToken.None).ContinueWith(static _ => true, TaskScheduler.Default), cancellationToken);

    public Task<RelayInfo?> GetInfoAsync(CancellationToken cancellationToken) => SendAsync("info", () => Relay.GetInfoAsync(CancellationToken.None), cancellationToken);

    public Task<Mailbox> AllocateMailboxAsync(CancellationToken cancellationToken) => SendAsync("allocate", () => Relay.AllocateMailboxAsync(CancellationToken.None), cancellationToken);

    public Task PutGrantAsync(Mailbox mailbox, Grant grant, CancellationToken cancellationToken) => SendAsync(
        "grant",
        async () =>
        {
            await Relay.PutGrantAsync(mailbox, grant, CancellationToken.None).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    public Task RevokeGrantAsync(Mailbox mailbox, string grantId, CancellationToken cancellationToken) => SendAsync(
        "revoke grant",
        async () =>
        {
            await Relay.RevokeGrantAsync(mailbox, grantId, CancellationToken.None).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    public Task<V2PutReply> PutAsync(V2PairSide of, int phase, string body, TimeSpan? expiresIn, CancellationToken cancellationToken)
    {
        side.Promises.OnSend(of.Lookup, phase, body);
        return SendAsync(
            $"put {phase}",
            async () =>
            {
                var reply = await Relay.V2Pairs.PutAsync(of, phase, body, expiresIn, CancellationToken.None).ConfigureAwait(false);
                return World.Lies?.OfPut(reply) ?? reply;
            },
            cancellationToken,
            static r => r.Refusal is { } refusal ? refusal.ToString() : $"{r.State}");
    }

    public Task<V2View> ReadAsync(V2PairSide of, V2Known known, TimeSpan wait, CancellationToken cancellationToken)
    {
        var deadline = World.Clock.Now + wait;
        return SendAsync(
            $"read after {known.After}",
            async () =>
            {
                var view = await Relay.V2Pairs.ReadAsync(of, known, TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
                return World.Lies?.OfView(of, view) ?? view;
            },
            cancellationToken,
            static v => v.Refusal is { } refusal ? refusal.ToString() : $"{v.State}{(v.Reason is null ? "" : $" ({v.Reason})")}, own {string.Join(',', v.Own)}, messages {string.Join(',', v.Messages.Select(static m => m.Phase))}{(v.Crowded ? ", crowded" : "")}",
            wait,
            view => World.Clock.Now >= deadline || RelayRooms.IsNews(of, view, known));
    }

    public Task<IReadOnlyList<(V2PairSide Side, V2View View)>> WaitAnyAsync(IReadOnlyList<(V2PairSide Side, V2Known Known)> sides, TimeSpan wait, CancellationToken cancellationToken) =>
        throw new NotSupportedException("Each pairing waits for itself here.");

    public Task<V2Refusal?> LeaveAsync(V2PairSide of, string reason, CancellationToken cancellationToken) =>
        SendAsync($"leave {reason}", () => Relay.V2Pairs.LeaveAsync(of, reason, CancellationToken.None), cancellationToken, static r => r?.ToString() ?? "gone");

    public Task<PostOutcome> PostAsync(string slotId, string token, SignedEvent item, CancellationToken cancellationToken) =>
        SendAsync($"post {item.Type}", () => Relay.Mail.PostAsync(slotId, token, item, CancellationToken.None), cancellationToken, static o => o.ToString());

    public Task<MailPage> ReadAsync(Mailbox mailbox, MailPlace after, int limit, TimeSpan wait, CancellationToken cancellationToken) =>
        SendAsync("read mail", () => Relay.Mail.ReadAsync(mailbox, after, limit, TimeSpan.Zero, CancellationToken.None), cancellationToken, static p => $"{p.Items.Count} events");

    public Task<bool> AckAsync(Mailbox mailbox, MailPlace upTo, CancellationToken cancellationToken) =>
        SendAsync("ack mail", () => Relay.Mail.AckAsync(mailbox, upTo, CancellationToken.None), cancellationToken);

    private static RelayException Unreachable() => new(WireReason.RelayUnreachable, "The relay could not be reached.", FakeRelay.DefaultUrl);

    private Task<T> SendAsync<T>(string what, Func<Task<T>> atRelay, CancellationToken cancellationToken, Func<T, string>? describe = null, TimeSpan wait = default, Func<T, bool>? isNews = null)
    {
        if (side.Disk.Locks != 0)
        {
            throw new BrokenPromiseException("A lock is held across the network.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        var request = new Request<T>(this, what, atRelay, describe, isNews, wait);
        var after = process.AtPoint(static () => { });
        request.Post(cancellationToken);
        after();
        return request.Reply.Task;
    }

    /// <summary>One request on its way.</summary>
    private sealed class Request<T>(SimNetwork network, string what, Func<Task<T>> atRelay, Func<T, string>? describe, Func<T, bool>? isNews, TimeSpan wait)
    {
        private CancellationTokenRegistration _cancelled;
        private bool _isWaiting;

        public TaskCompletionSource<T> Reply { get; } = new();

        private SimWorld World => network.World;

        public void Post(CancellationToken cancellationToken)
        {
            if (cancellationToken.CanBeCanceled)
            {
                _cancelled = cancellationToken.Register(() => Reply.TrySetCanceled(cancellationToken));
            }

            var weather = World.Weather;
            if (!World.Dice.Chance(weather.Drop))
            {
                World.Clock.In(weather.Delay(World.Dice), () => Arrive(answers: true));
            }

            if (World.Dice.Chance(weather.Duplicate))
            {
                World.Clock.In(weather.Delay(World.Dice) * 3, () => Arrive(answers: false));
            }

            World.Clock.In(Patience + wait, () => Fail(Unreachable()));
        }

        private void Arrive(bool answers)
        {
            if (World.RelayIsDown)
            {
                if (answers)
                {
                    Fail(Unreachable());
                }

                return;
            }

            // The relay answers at once; that it is asynchronous is the interface's.
            var done = atRelay();
            World.RelayChanged();
            if (!answers)
            {
                return;
            }

            if (done.IsFaulted)
            {
                Fail(done.Exception!.InnerException!);
                return;
            }

            var result = done.Result;
            if (isNews?.Invoke(result) == false)
            {
                if (!_isWaiting)
                {
                    _isWaiting = true;
                    World.Waiters.Add(Ask);
                    World.Clock.In(wait, Ask);
                }

                return;
            }

            if (World.Dice.Chance(World.Weather.Drop))
            {
                World.Note(network.Side.Name, $"{what}: the reply is lost");
                return;
            }

            World.Clock.In(World.Weather.Delay(World.Dice), () => Answer(result));
        }

        // A waiting read is asked again whenever the relay has changed, and at its end.
        private void Ask()
        {
            if (!_isWaiting || Reply.Task.IsCompleted)
            {
                World.Waiters.Remove(Ask);
                return;
            }

            if (World.RelayIsDown)
            {
                _isWaiting = false;
                World.Waiters.Remove(Ask);
                Fail(Unreachable());
                return;
            }

            var result = atRelay().Result;
            if (isNews!(result))
            {
                _isWaiting = false;
                World.Waiters.Remove(Ask);
                World.Clock.In(World.Weather.Delay(World.Dice), () => Answer(result));
            }
        }

        private void Answer(T result)
        {
            if (network.IsDead || Reply.Task.IsCompleted)
            {
                return;
            }

            World.Note(network.Side.Name, describe is null ? what : $"{what}: {describe(result)}");
            _cancelled.Dispose();
            Reply.TrySetResult(result);
        }

        private void Fail(Exception error)
        {
            if (network.IsDead || Reply.Task.IsCompleted)
            {
                return;
            }

            World.Note(network.Side.Name, $"{what}: {error.Message}");
            _cancelled.Dispose();
            Reply.TrySetException(error);
        }
    }
}
