using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>Every state of the v2 machine with every input: what must hold whatever happens (pairing-v2.md §4, §6).</summary>
public sealed class V2MachineTests
{
    private static readonly V2Protocol Machine = new(QuickStretcher.Instance, WirePS.Cryptography.Edwards25519PairingGroup.Instance);
    private static readonly Lazy<IReadOnlyList<(string Name, PendingPair Pair)>> AllStates = new(States);

    public static TheoryData<string> Names => [.. AllStates.Value.Select(static s => s.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Whatever_comes_a_restart_can_go_on_and_nothing_final_changes(string name)
    {
        var pair = AllStates.Value.Single(s => s.Name == name).Pair;
        var table = new V2Table();
        foreach (var now in (DateTimeOffset[])[FakeTime.Start + TimeSpan.FromHours(1), pair.ExpiresAt!.Value + TimeSpan.FromHours(1), pair.ExpiresAt.Value + TimeSpan.FromDays(31)])
        {
            AssertRestorable(pair, now);
            foreach (var (inputName, input) in Inputs(pair, table))
            {
                PendingPair next;
                try
                {
                    next = Machine.Step(pair, input, now);
                }
                catch (WireException error) when (error.Reason == WireReason.OwnDigits)
                {
                    Assert.True(input is PairInput.Confirmed { Digits: var own } && own == pair.Sas, inputName);
                    continue;
                }

                Assert.Equal(PendingPairFormat.Write(next), PendingPairFormat.Write(Machine.Step(pair, input, now)));
                AssertRestorable(next, now);
                AssertFollows(pair, next, input, inputName);
            }
        }
    }

    [Fact]
    public void Every_status_and_every_debt_is_among_the_states()
    {
        var states = AllStates.Value.Select(static s => s.Pair).ToList();
        foreach (var role in Enum.GetValues<PairRole>())
        {
            foreach (var status in (PairStatus[])[role == PairRole.Host ? PairStatus.RequestHost : PairStatus.RequestGuest, PairStatus.Polling, PairStatus.SasReady, PairStatus.Confirmed, PairStatus.Paired, PairStatus.Aborted])
            {
                Assert.Contains(states, p => p.Role == role && p.Status == status);
            }

            Assert.Contains(states, p => p.Role == role && p.Stopping);
            foreach (var leaving in (PairLeaving[])[PairLeaving.AwaitAck, PairLeaving.Finish, PairLeaving.RemovePeer, PairLeaving.SendAbort, PairLeaving.ReleaseName, PairLeaving.RevokeGrant])
            {
                Assert.Contains(states, p => p.Role == role && p.Leaving.Contains(leaving));
            }
        }
    }

    private static void AssertRestorable(PendingPair pair, DateTimeOffset now)
    {
        var restored = PendingPairFormat.Read(PendingPairFormat.Write(pair with { Version = 1 }), "/x");
        Assert.Equal(Machine.Next(pair, now).ToString(), Machine.Next(restored, now).ToString());
    }

    private static void AssertFollows(PendingPair pair, PendingPair next, PairInput input, string name)
    {
        Assert.True(next.Status >= pair.Status, name);
        Assert.Equal(pair.Transitions, next.Transitions.Take(pair.Transitions.Length));
        Assert.Equal(pair.Transitions.Length + (next.Status == pair.Status ? 0 : 1), next.Transitions.Length);
        foreach (var (phase, body) in pair.Messages.Sent)
        {
            Assert.True(!next.Messages.Sent.TryGetValue(phase, out var after) ? next.IsEnded : after == body, $"{name}: sent {phase}");
        }

        foreach (var (phase, body) in pair.Messages.Received)
        {
            Assert.True(!next.Messages.Received.TryGetValue(phase, out var after) ? next.IsEnded : after == body, $"{name}: received {phase}");
        }

        Assert.True(next.Status != PairStatus.Confirmed || pair.Status == PairStatus.Confirmed
            || (pair.Status == PairStatus.SasReady && input is PairInput.Confirmed { Digits: var digits } && digits == pair.Secrets!.PeerSas), $"{name}: confirmed");
        Assert.True(next.Status != PairStatus.Paired || pair.Status == PairStatus.Paired || (pair.Status == PairStatus.Confirmed && input is PairInput.Pinned), $"{name}: paired");
        Assert.True(!next.PeerAcked || pair.PeerAcked || name == "pinned" || input is V2Input.Seen { View.Messages: var seen } && seen.Any(static m => m.Phase == 3), $"{name}: acked");
        if (pair.IsEnded)
        {
            Assert.Equal((pair.Status, pair.Reason, pair.ReasonVerified, pair.OutcomeUnknown, pair.EndedAt), (next.Status, next.Reason, next.ReasonVerified, next.OutcomeUnknown, next.EndedAt));
        }

        if (next.IsEnded)
        {
            Assert.True(next is { Code.Length: 0, Sas: null, OurSlotToken: null, EndedAt: not null, Stopping: false } && next.Messages.Received.IsEmpty, name);
            Assert.True(next.Status == PairStatus.Paired ? next.Secrets is null or { Scalar: null, W: null, PeerSas: null, OwnSas: null } : next.Secrets is null && next.Messages.Sent.Keys.All(static k => k == "9"), name);
            Assert.True(!next.Leaving.IsEmpty || next is { CodeHash.Length: 0, SideToken: null, Secrets: null } && next.Messages.Sent.IsEmpty, name);
        }
    }

    private static IEnumerable<(string Name, PairInput Input)> Inputs(PendingPair pair, V2Table table)
    {
        yield return ("time is over", new PairInput.TimeIsOver());
        yield return ("right digits", new PairInput.Confirmed(pair.Secrets?.PeerSas ?? "000000", table.Host.Card, new byte[32]));
        yield return ("own digits", new PairInput.Confirmed(pair.Sas ?? "000000", table.Host.Card, new byte[32]));
        yield return ("wrong digits", new PairInput.Confirmed(pair.Secrets?.PeerSas == "111111" ? "222222" : "111111", table.Host.Card, new byte[32]));
        yield return ("stopped", new PairInput.Stopped());
        yield return ("pinned", new PairInput.Pinned());
        yield return ("pin refused", new PairInput.PinRefused("peer-x"));
        yield return ("restored", new PairInput.Restored());
        yield return ("trouble", new PairInput.Trouble("The relay is away."));
        yield return ("no v2", new PairInput.Trouble("It has no v2.", WireReason.RelayWithoutV2));
        yield return ("trouble over", new PairInput.Trouble(null));
        yield return ("mailbox", new PairInput.MailboxReady(V2Driver.Slot, null, V2Driver.RelayId));
        foreach (var what in Enum.GetValues<PairLeaving>())
        {
            yield return ($"left {what}", new PairInput.Left(what));
        }

        foreach (var phase in (int[])[0, 1, 2, 3, 9])
        {
            foreach (var state in Enum.GetValues<V2State>())
            {
                yield return ($"put {phase}, {state}", new V2Input.Put(phase, new V2PutReply(null, state, pair.ExpiresAt)));
            }

            foreach (var refusal in Enum.GetValues<V2Refusal>())
            {
                yield return ($"put {phase}, {refusal}", new V2Input.Put(phase, new V2PutReply(refusal, null, null)));
            }
        }

        yield return ("put 0, long ago", new V2Input.Put(0, new V2PutReply(null, V2State.Open, DateTimeOffset.MinValue)));
        yield return ("put 0, far off", new V2Input.Put(0, new V2PutReply(null, V2State.Open, DateTimeOffset.MaxValue)));
        var other = (pair.Role == PairRole.Host ? Sent(PairRole.Guest) : Sent(PairRole.Host)).Where(static m => m.Phase != 9).ToArray();
        var noise = ((int Phase, string Body)[])[.. ((int[])[0, 1, 2, 3, 9]).SelectMany(static p => (string[])["{}", "{\"v\":3}", "{\"v\":2,\"sealed\":\"AAAA\"}", "{\"v\":2,\"reason\":\"cancelled\"}", "{\"v\":2,\"reason\":\"file_corrupt\"}", "{\"v\":2,\"reason\":\"sealed\",\"sealed\":\"AAAA\"}", "{\"v\":2,\"commit\":\"AAAA\"}", "not json", new string('x', 70_000)], static (p, b) => (p, b))];
        var own = pair.Role == PairRole.Host ? table.Host : table.Guest;
        foreach (var state in Enum.GetValues<V2State>())
        {
            yield return ($"seen nothing, {state}", View(state, pair, own));
            yield return ($"seen nothing, {state}, lost ours", View(state, pair, own) is var view ? view with { View = view.View with { Own = [] } } : view);
            foreach (var message in noise.Concat(other))
            {
                yield return ($"seen {message.Phase} {message.Body[..Math.Min(30, message.Body.Length)]}, {state}", View(state, pair, own, message));
            }
        }

        yield return ("seen all", View(V2State.Decided, pair, own, other));
        yield return ("seen all but the first", View(V2State.Open, pair, own, [.. other.Skip(1)]));
        yield return ("seen own", View(V2State.Open, pair, own, [.. pair.Messages.Sent.Select(static m => (int.Parse(m.Key, System.Globalization.CultureInfo.InvariantCulture), m.Value))]));
        yield return ("seen with a far-off end", View(V2State.Open, pair, own) is var far ? far with { View = far.View with { ExpiresAt = DateTimeOffset.MaxValue } } : far);
        yield return ("seen with an end long ago", View(V2State.Open, pair, own) is var near ? near with { View = near.View with { ExpiresAt = DateTimeOffset.MinValue } } : near);
        yield return ("no rendezvous", new V2Input.Seen(V2View.Refused(V2Refusal.NoRendezvous), V2Driver.RelayId, null));
        yield return ("no rendezvous, other data", new V2Input.Seen(V2View.Refused(V2Refusal.NoRendezvous), new string('b', 32), null));
        yield return ("role taken", new V2Input.Seen(V2View.Refused(V2Refusal.RoleTaken), null, null));
    }

    private static V2Input.Seen View(V2State state, PendingPair pair, V2Driver own, params IEnumerable<(int Phase, string Body)> messages) => new(
        new V2View(null, state, state == V2State.Ended ? "cancelled" : null, pair.ExpiresAt, true, [.. Enumerable.Range(0, Math.Max(0, pair.Posted + 1))], [.. messages.Select(static m => new V2Message(m.Phase, m.Body))]),
        V2Driver.RelayId,
        own.Own);

    // What a side sends in the one session that all states here are of.
    private static IEnumerable<(int Phase, string Body)> Sent(PairRole role) =>
        new V2Table().Paired().Of(role).Past.SelectMany(static p => p.Messages.Sent).DistinctBy(static m => m.Key)
            .Select(static m => (int.Parse(m.Key, System.Globalization.CultureInfo.InvariantCulture), m.Value));

    private static List<(string Name, PendingPair Pair)> States()
    {
        var scenarios = new Dictionary<string, Func<V2Table>>
        {
            ["paired"] = static () => new V2Table().Paired(),
            ["host stops at once"] = static () => Then(new V2Table(), static t => t.Host.Step(new PairInput.Stopped())),
            ["guest stops at once"] = static () => Then(new V2Table(), static t => t.Guest.Step(new PairInput.Stopped())),
            ["both stop at the numbers"] = static () => Then(new V2Table().Numbers(), static t => { t.Host.Step(new PairInput.Stopped()); t.Guest.Step(new PairInput.Stopped()); }),
            ["host types a wrong number"] = static () => Then(new V2Table().Numbers(), static t => t.Host.Type(t.Guest.Number == "111111" ? "222222" : "111111")),
            ["host stops confirmed"] = static () => Then(new V2Table().Numbers().Confirm(PairRole.Host), static t => t.Host.Step(new PairInput.Stopped())),
            ["guest stops confirmed"] = static () => Then(new V2Table().Numbers().Confirm(PairRole.Guest), static t => t.Guest.Step(new PairInput.Stopped())),
            ["host stops too late"] = static () => Then(new V2Table().Confirmed(), static t => { t.Host.Run(p => p.Posted == 2); t.Guest.Run(p => p.Posted == 2); t.Host.Step(new PairInput.Stopped()); }),
            ["guest stops too late"] = static () => Then(new V2Table().Confirmed(), static t => { t.Guest.Run(p => p.Posted == 2); t.Host.Run(p => p.Posted == 2); t.Guest.Step(new PairInput.Stopped()); }),
            ["the time is over"] = static () => Then(new V2Table().Numbers(), static t => t.Advance(TimeSpan.FromHours(25))),
            ["the relay forgets"] = static () => Then(new V2Table().Numbers().Confirm(PairRole.Host), static t => { t.Host.Run(); t.Relay.LoseEverything(); }),
        };
        var states = new Dictionary<string, PendingPair>(StringComparer.Ordinal);
        foreach (var (name, play) in scenarios)
        {
            var table = play().Go();
            foreach (var pair in table.Host.Past.Concat(table.Guest.Past))
            {
                var what = $"{pair.Role} {pair.Status}, {pair.Messages}, posted {pair.Posted}{(pair.OurSlotId is null ? ", no mailbox" : "")}{(pair.Decided ? ", decided" : "")}{(pair.Stopping ? ", stopping" : "")}{(pair.PeerAcked ? ", acked" : "")}, owes {string.Join(' ', pair.Leaving)}";
                states.TryAdd(what, pair);
            }
        }

        return [.. states.Select(static s => (s.Key, s.Value))];
    }

    private static V2Table Then(V2Table table, Action<V2Table> act)
    {
        act(table);
        return table;
    }
}
