using System.Collections.Immutable;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using WirePS.Pairing;
using WirePS.Pairing.V1;
using WirePS.Relay;
using WirePS.Tests.Cryptography;
using WirePS.Tests.Golden;
using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Pairing;

/// <summary>The pure machine of protocol v1: every state, every input, and random ways through it.</summary>
public sealed class V1MachineTests
{
    public static TheoryData<PairRole, bool> Machines { get; } = new()
    {
        { PairRole.Host, true },
        { PairRole.Guest, true },
        { PairRole.Host, false },
        { PairRole.Guest, false },
    };

    public static TheoryData<bool, string> States
    {
        get
        {
            var data = new TheoryData<bool, string>();
            foreach (var isOurs in (bool[])[true, false])
            {
                foreach (var state in Machine.Of(isOurs).States.Keys)
                {
                    data.Add(isOurs, state);
                }
            }

            return data;
        }
    }

    /// <summary>The whole table is kept as text beside this file, to be read by people; a change of the machine shows as a change of it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_state_and_input_leads_where_the_table_says(bool isOurs)
    {
        var path = Path.Combine(GoldenFolders.Own, "..", "WirePS.Core.Tests", "Pairing", isOurs ? "v1-machine.txt" : "v1-machine-foreign-relay.txt");
        var table = TableOf(Machine.Of(isOurs));
        Assert.Equal(table, TableOf(Machine.Of(isOurs, PairRole.Guest)).Replace("request_guest", "request_host", StringComparison.Ordinal));
        if (Environment.GetEnvironmentVariable("WIREPS_WRITE_TABLES") is { Length: > 0 })
        {
            File.WriteAllText(path, table);
        }

        Assert.Equal(File.ReadAllText(path), table);
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void Every_step_keeps_the_rules(PairRole role, bool isOurs)
    {
        var machine = Machine.Of(isOurs, role);
        foreach (var (state, pair) in machine.States)
        {
            foreach (var (name, make) in machine.Inputs())
            {
                Assert.True(Keeps(pair, make(pair)) is var broken && broken is null, $"{state} + {name}: {broken}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(States))]
    public void A_restart_goes_on_from_every_state(bool isOurs, string state)
    {
        var pair = Machine.Of(isOurs)[state];
        var read = PendingPairFormat.Read(PendingPairFormat.Write(pair), "test");
        Assert.Equal(Describe(Machine.Next(pair)), Describe(Machine.Next(read)));
        Assert.Equal(Encoding.UTF8.GetString(PendingPairFormat.Write(pair)), Encoding.UTF8.GetString(PendingPairFormat.Write(read)));

        // Having been restored changes no status and no effect, at any state.
        var restored = Machine.Step(read, new PairInput.Restored());
        Assert.Equal(pair.Status, restored.Status);
        Assert.Equal(Describe(Machine.Next(pair)), Describe(Machine.Next(restored)));
    }

    [Theory]
    [MemberData(nameof(States))]
    public void After_every_restart_each_input_leads_to_the_same_place(bool isOurs, string state)
    {
        var machine = Machine.Of(isOurs);
        var pair = machine[state];
        var read = PendingPairFormat.Read(PendingPairFormat.Write(pair), "test");
        foreach (var (name, make) in machine.Inputs())
        {
            var direct = PendingPairFormat.Write(Machine.Step(pair, make(pair)));
            var restarted = PendingPairFormat.Write(Machine.Step(read, make(read)));
            Assert.True(direct.AsSpan().SequenceEqual(restarted), $"{state} + {name} differs after a restart");
        }
    }

    [Fact]
    public void An_open_pairing_ends_at_its_time_by_its_own_clock()
    {
        foreach (var state in (string[])["requested", "opening", "polling", "sas_ready"])
        {
            var pair = Machine.Of(true)[state];
            Assert.NotEqual("apply TimeIsOver", Describe(Machine.Protocol.Next(pair, Machine.Expires - TimeSpan.FromTicks(1))));
            Assert.Equal("apply TimeIsOver", Describe(Machine.Protocol.Next(pair, Machine.Expires)));
            var ended = Machine.Protocol.Step(pair, new PairInput.TimeIsOver(), Machine.Expires);
            Assert.Equal((PairStatus.Aborted, WireReason.Expired), (ended.Status, ended.Reason));

            // What has expired by itself needs no word to the relay.
            Assert.DoesNotContain("Abandon", WorkUntilRest(ended, Machine.Expires));
        }
    }

    [Fact]
    public void Digits_that_come_after_the_end_confirm_nothing()
    {
        var pair = Machine.Of(true)["sas_ready"];
        var late = Machine.Protocol.Step(pair, new PairInput.Confirmed(pair.Sas!, Machine.OwnCard, Machine.Bytes(1)), Machine.Expires);
        Assert.Equal((PairStatus.Aborted, WireReason.Expired), (late.Status, late.Reason));
    }

    [Fact]
    public void A_confirmed_side_obeys_our_relay_for_thirty_days_and_another_relay_until_the_end()
    {
        var ours = Machine.Of(true)["confirmed, posted"];
        Assert.Equal("await Msg", Describe(Machine.Protocol.Next(ours, Machine.Expires + TimeSpan.FromDays(29))));
        Assert.Equal("apply TimeIsOver", Describe(Machine.Protocol.Next(ours, Machine.Expires + TimeSpan.FromDays(30))));
        Assert.True(Machine.Protocol.Step(ours, new PairInput.TimeIsOver(), Machine.Expires + TimeSpan.FromDays(30)).OutcomeUnknown);

        var foreign = Machine.Of(false)["confirmed, posted"];
        Assert.Equal("await Msg", Describe(Machine.Protocol.Next(foreign, Machine.Expires - TimeSpan.FromTicks(1))));
        Assert.Equal("apply TimeIsOver", Describe(Machine.Protocol.Next(foreign, Machine.Expires)));
        Assert.True(Machine.Protocol.Step(foreign, new PairInput.TimeIsOver(), Machine.Expires).OutcomeUnknown);
    }

    [Theory]
    [InlineData(-6, WireReason.Cancelled, false)]
    [InlineData(-4, WireReason.Expired, true)]
    [InlineData(1, WireReason.Expired, true)]
    public void Gone_near_the_end_is_the_end_and_before_it_somebody_left(int minutesAfterTheEnd, WireReason reason, bool isVerified)
    {
        var now = Machine.Expires + TimeSpan.FromMinutes(minutesAfterTheEnd);
        var ended = Machine.Protocol.Step(Machine.Of(true)["confirmed, posted"], new V1Input.Gone(Machine.RelayId), now);
        Assert.Equal((PairStatus.Aborted, reason), (ended.Status, ended.Reason!.Value));
        Assert.Equal(isVerified, ended.ReasonVerified);
        Assert.False(ended.OutcomeUnknown);
    }

    [Fact]
    public void A_home_that_was_away_for_longer_than_the_relay_remembers_does_not_claim_to_know_the_outcome()
    {
        // Decided on the first day, forgotten by the relay on the thirty-first, and this side, which expires a week later, asks only then.
        var pair = Machine.Of(true)["confirmed, posted"] with { ExpiresAt = Machine.Created + TimeSpan.FromDays(7) };
        var ended = Machine.Protocol.Step(pair, new V1Input.Gone(Machine.RelayId), Machine.Now + TimeSpan.FromDays(30));
        Assert.Equal((PairStatus.Aborted, WireReason.Expired), (ended.Status, ended.Reason));
        Assert.True(ended.OutcomeUnknown);
    }

    [Theory]
    [InlineData(9999)]
    [InlineData(2200)]
    public void An_end_that_no_pairing_asks_for_is_not_taken_from_a_relay(int year)
    {
        var far = new DateTimeOffset(year, 12, 31, 23, 59, 59, TimeSpan.Zero);
        var opened = Machine.Step(Machine.Of(true)["opening"], new V1Input.Opened(Machine.PairId, far));
        Assert.Equal(Machine.Created + TimeSpan.FromDays(8), opened.ExpiresAt);
        var seen = Machine.Step(Machine.Of(true)["polling"], new V1Input.Seen(new V1PairView(null, null, far, false)));
        Assert.Equal(Machine.Created + TimeSpan.FromDays(8), seen.ExpiresAt);
        _ = Machine.Protocol.Next(Machine.Of(true)["confirmed, posted"] with { ExpiresAt = seen.ExpiresAt }, Machine.Now);
    }

    [Fact]
    public void An_end_as_the_relay_says_it_is_the_same_after_a_restart()
    {
        var odd = new DateTimeOffset(Machine.Expires.Ticks + 7, TimeSpan.Zero);
        var seen = new V1Input.Seen(new V1PairView(null, null, odd, false));
        var pair = Machine.Step(Machine.Of(true)["polling"], seen);
        var read = PendingPairFormat.Read(PendingPairFormat.Write(pair), "test");
        Assert.Same(read, Machine.Step(read, seen));
    }

    [Fact]
    public void What_a_pairing_leaves_behind_is_done_in_order_and_only_what_we_opened_is_abandoned()
    {
        Assert.Equal(["Abandon", "RevokeGrant", "rest"], WorkUntilRest(Machine.Of(true)["aborted"], Machine.Now));
        Assert.Equal(["Abandon", "rest"], WorkUntilRest(Machine.Of(false)["aborted"], Machine.Now));
        Assert.Equal(["rest"], WorkUntilRest(Machine.Of(true)["aborted before the relay"], Machine.Now));

        // Our relay tells by the same words sent again whether the opening was ours; another one cannot, and is told nothing.
        Assert.Equal(["Open", "Abandon", "RevokeGrant", "rest"], WorkUntilRest(Machine.Of(true)["aborted, answer lost"], Machine.Now));
        Assert.Equal(["apply Left", "rest"], WorkUntilRest(Machine.Of(false)["aborted, answer lost"], Machine.Now));
        foreach (var machine in Machine.All)
        {
            var taken = Machine.Step(machine["opening, answer lost"], new V1Input.RoleTaken());
            Assert.Equal(machine.IsOurs ? WireReason.Crowded : WireReason.RelayLostReply, taken.Reason);
            Assert.DoesNotContain("Abandon", WorkUntilRest(taken, Machine.Now));
        }

        Assert.Equal(["Finish", "await Bootstrap"], WorkUntilRest(Machine.Of(true)["paired"], Machine.Now));
        Assert.Equal(["RemovePeer", "Finish", "rest"], WorkUntilRest(Machine.Of(true)["paired, to be removed"], Machine.Now));
        Assert.Equal(["RemovePeer", "rest"], WorkUntilRest(Machine.Of(false)["paired, to be removed"], Machine.Now));
    }

    [Fact]
    public void Ended_ones_are_collected_after_an_hour_and_unacked_ones_after_thirty_days()
    {
        var aborted = Machine.Of(true)["aborted, left"];
        Assert.Equal("rest", Describe(Machine.Protocol.Next(aborted, Machine.Now + TimeSpan.FromHours(1) - TimeSpan.FromTicks(1))));
        Assert.Equal("collect", Describe(Machine.Protocol.Next(aborted, Machine.Now + TimeSpan.FromHours(1))));
        Assert.Equal("collect", Describe(Machine.Protocol.Next(Machine.Of(true)["paired, left"], Machine.Now + TimeSpan.FromHours(1))));
        var unacked = Machine.Of(false)["paired"];
        Assert.Equal("rest", Describe(Machine.Protocol.Next(unacked, Machine.Now + TimeSpan.FromDays(30) - TimeSpan.FromTicks(1))));
        Assert.Equal("collect", Describe(Machine.Protocol.Next(unacked, Machine.Now + TimeSpan.FromDays(30))));
        Assert.Equal("collect", Describe(Machine.Protocol.Next(Machine.Of(true)["paired"], Machine.Now + TimeSpan.FromDays(30))));
    }

    [Fact]
    public void The_terminal_write_holds_nothing_that_a_thief_could_use()
    {
        foreach (var machine in Machine.All)
        {
            foreach (var (state, pair) in machine.States.Where(s => s.Value.IsEnded))
            {
                var text = Encoding.UTF8.GetString(PendingPairFormat.Write(pair));
                var open = machine["confirmed, both there"];
                foreach (var secret in (string?[])[open.Sas, open.Spake2Seed, Machine.Token, open.Messages.Sent["bootstrap"], open.Messages.Received["msg"], open.Messages.Received["bootstrap"]])
                {
                    Assert.False(text.Contains(secret!, StringComparison.Ordinal), $"{state}, {(machine.IsOurs ? "our relay" : "v1 relay")}: the file still holds a secret");
                }

                var mayResend = machine.IsOurs && state == "aborted, answer lost";
                Assert.Equal(mayResend, text.Contains(open.Messages.Sent["msg"], StringComparison.Ordinal));
                Assert.Equal(pair.Leaving.Any(l => l is PairLeaving.Abandon or PairLeaving.Finish), pair.CodeHash.Length > 0);
            }
        }
    }

    [Fact]
    public void Random_ways_through_the_machine_keep_the_rules()
    {
        foreach (var machine in Machine.All)
        {
            var inputs = machine.Inputs().ToImmutableArray();
            var ways = Gen.Choose(0, inputs.Length - 1).ArrayOf(40);
            var longest = 0;
            Properties.Hold(
                ways,
                way =>
                {
                    var pair = machine["requested"];
                    var confirmations = 0;
                    var transitions = pair.Transitions.Length;
                    foreach (var step in way)
                    {
                        var input = inputs[step].Make(pair);
                        if (Keeps(pair, input) is { } broken)
                        {
                            throw new InvalidOperationException($"{pair.Status} + {inputs[step].Name}: {broken}");
                        }

                        var next = Machine.Step(pair, input);
                        confirmations += pair.Status == PairStatus.SasReady && next.Status == PairStatus.Confirmed ? 1 : 0;
                        pair = next;
                    }

                    longest = Math.Max(longest, pair.Transitions.Length - transitions);
                    return confirmations <= 1 && (pair.Status != PairStatus.Paired || confirmations == 1);
                },
                tests: 100);
            Assert.True(longest >= 1, "No way led anywhere: the property says nothing.");
        }
    }

    [Fact]
    public void Random_ways_that_follow_the_work_reach_every_end()
    {
        // Uniform noise hardly ever pairs: here the machine's own wish is answered, mostly well.
        foreach (var machine in Machine.All)
        {
            var ends = new HashSet<(PairStatus, WireReason?)>();
            Properties.Hold(
                Gen.Choose(0, 999).ArrayOf(30),
                way =>
                {
                    var pair = machine["requested"];
                    foreach (var chance in way)
                    {
                        var input = Answer(machine, pair, chance);
                        if (Keeps(pair, input) is { } broken)
                        {
                            throw new InvalidOperationException($"{pair.Status} + {input}: {broken}");
                        }

                        pair = Machine.Step(pair, input);
                    }

                    ends.Add((pair.Status, pair.Reason));
                    return true;
                },
                tests: 150);
            Assert.Contains((PairStatus.Paired, null), ends);
            Assert.Contains((PairStatus.Aborted, WireReason.Cancelled), ends);
            Assert.Contains((PairStatus.Aborted, WireReason.SasMismatch), ends);
        }
    }

    private static PairInput Answer(Machine machine, PendingPair pair, int chance)
    {
        var inputs = machine.Inputs().ToList();
        PairInput Named(string name) => inputs.First(i => i.Name == name).Make(pair);
        if (chance < 40)
        {
            return inputs[chance % inputs.Count].Make(pair);
        }

        return Machine.Next(pair) switch
        {
            PairEffect.Apply apply => apply.Input,
            PairWork.UseMailbox => machine.Mailbox,
            V1Work.Open => Named("opened"),
            V1Work.Post => Named("posted"),
            V1Work.Pin => Named("pinned"),
            V1Work.Withdraw => Named(chance % 2 == 0 ? "gone" : "decided"),
            V1Work.Abandon => new PairInput.Left(PairLeaving.Abandon),
            PairWork.RevokeGrant => new PairInput.Left(PairLeaving.RevokeGrant),
            PairWork.RemovePeer => new PairInput.Left(PairLeaving.RemovePeer),
            V1Work.Finish => new PairInput.Left(PairLeaving.Finish),
            V1Work.Await when pair.Status == PairStatus.SasReady => Named(chance % 9 == 0 ? "other digits" : chance % 9 == 1 ? "stopped" : "right digits"),
            V1Work.Await => Named("seen both"),
            _ => new PairInput.Restored(),
        };
    }

    /// <summary>The first rule that a step breaks; null for none.</summary>
    private static string? Keeps(PendingPair pair, PairInput input)
    {
        var next = Machine.Step(pair, input);
        var again = Machine.Step(pair, input);
        var moved = next.Transitions.Length - pair.Transitions.Length;
        return !PendingPairFormat.Write(next).AsSpan().SequenceEqual(PendingPairFormat.Write(again)) ? "the same input leads to two states"
            : Describe(Machine.Next(next)) != Describe(Machine.Next(again)) ? "the same state has two wishes"
            : moved is not (0 or 1) ? $"{moved} transitions in one step"
            : (moved == 1) != (next.Status != pair.Status) ? "a change of status is not counted, or none is"
            : moved == 1 && next.Transitions[^1] != new PairTransition(pair.Status, next.Status, Machine.Now) ? "the last transition is another one"
            : pair.IsEnded && (next.Status, next.Reason, next.ReasonVerified, next.EndedAt, next.OutcomeUnknown, next.PeerDid) != (pair.Status, pair.Reason, pair.ReasonVerified, pair.EndedAt, pair.OutcomeUnknown, pair.PeerDid) ? "an ended state changed its outcome"
            : next.Status == PairStatus.Paired && pair.Status is not (PairStatus.Paired or PairStatus.Confirmed) ? "paired without a confirmation"
            : next.Status == PairStatus.Paired && next.PeerDid is null ? "paired with nobody"
            : next.Status == PairStatus.Confirmed && pair.Status != PairStatus.Confirmed && !(pair.Status == PairStatus.SasReady && input is PairInput.Confirmed typed && typed.Digits == pair.Sas) ? "confirmed without the digits"
            : next.Status == PairStatus.SasReady && next.Sas is not { Length: 6 } ? "ready without digits"
            : !next.IsEnded && pair.Messages.Received.Any(m => next.Messages.Received.GetValueOrDefault(m.Key) != m.Value) ? "a received message was replaced"
            : !next.IsEnded && pair.Messages.Sent.Any(m => next.Messages.Sent.GetValueOrDefault(m.Key) != m.Value) ? "a message of ours was replaced"
            : next.IsEnded && (next.Sas, next.Spake2Seed, next.OurSlotToken) != (null, null, null) ? "a secret outlived the end"
            : next.IsEnded && !next.Messages.Received.IsEmpty ? "the peer's messages outlived the end"
            : next.IsEnded && next.EndedAt is null ? "ended at no time"
            : next.Status == PairStatus.Aborted && next.Reason is null ? "ended without a reason"
            : next.Status == PairStatus.Paired && next.OutcomeUnknown ? "paired, and not known whether"
            : next.Id != pair.Id || next.Code != pair.Code || next.Role != pair.Role || next.CreatedAt != pair.CreatedAt ? "what never changes has changed"
            : null;
    }

    private static List<string> WorkUntilRest(PendingPair pair, DateTimeOffset now)
    {
        var done = new List<string>();
        while (true)
        {
            var effect = Machine.Protocol.Next(pair, now);
            done.Add(Describe(effect));
            switch (effect)
            {
                case V1Work.Open:
                    pair = Machine.Protocol.Step(pair, new V1Input.Opened(Machine.PairId, null), now);
                    break;
                case PairEffect.Apply apply:
                    pair = Machine.Protocol.Step(pair, apply.Input, now);
                    break;
                case V1Work.Abandon or PairWork.RevokeGrant or V1Work.Finish or PairWork.RemovePeer:
                    pair = Machine.Protocol.Step(pair, new PairInput.Left(Enum.Parse<PairLeaving>(effect.GetType().Name)), now);
                    break;
                default:
                    return done;
            }
        }
    }

    private static string TableOf(Machine machine)
    {
        var table = new StringBuilder();
        foreach (var (state, pair) in machine.States)
        {
            table.Append(state).Append(" -> ").Append(Describe(Machine.Next(pair))).Append('\n');
            foreach (var (name, make) in machine.Inputs())
            {
                var next = Machine.Step(pair, make(pair));
                if (next != pair)
                {
                    table.Append("    ").Append(name).Append(": ").Append(Describe(pair, next)).Append('\n');
                }
            }
        }

        return table.ToString();
    }

    private static string Describe(PendingPair before, PendingPair after)
    {
        var parts = new List<string> { PendingPairStore.NameOf(after.Status) };
        if (after.Reason is { } reason)
        {
            parts.Add("(" + reason.ToWire() + ")");
        }

        if (after.OutcomeUnknown)
        {
            parts.Add("[outcome unknown]");
        }

        if (after.PeerAcked && !before.PeerAcked)
        {
            parts.Add("[acked]");
        }

        if (before.PairId is not null && after.PairId is null)
        {
            parts.Add("[rendezvous dropped]");
        }

        return string.Join(' ', parts) + " -> " + Describe(Machine.Next(after));
    }

    private static string Describe(PairEffect effect) => effect switch
    {
        PairEffect.Rest => "rest",
        PairEffect.Collect => "collect",
        PairEffect.Apply apply => "apply " + apply.Input.GetType().Name,
        V1Work.Await await => "await " + await.Have,
        _ => effect.GetType().Name,
    };
}
