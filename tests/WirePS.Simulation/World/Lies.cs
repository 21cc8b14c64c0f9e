using System.Text;
using WirePS.Pairing;
using WirePS.Relay;

namespace WirePS.Simulation.World;

/// <summary>A relay that does not know the code and says what it likes. Which lies it tells, and how often, is drawn once.</summary>
internal sealed class Lies(Dice dice)
{
    private readonly double _rate = dice.Of(0.02, 0.1, 0.3);
    private readonly List<V2Message> _seen = [];

    public bool IsHonestNow { get; set; }

    public V2PutReply OfPut(V2PutReply reply) => IsHonestNow || !dice.Chance(_rate) ? reply : dice.Below(6) switch
    {
        0 => reply with { State = V2State.Decided },
        1 => reply with { ExpiresAt = dice.Of(DateTimeOffset.MinValue, DateTimeOffset.MaxValue, SimClock.Start, SimClock.Start.AddMinutes(5)) },
        2 => new V2PutReply(dice.Of(V2Refusal.Decided, V2Refusal.Ended, V2Refusal.Expired), reply.State, reply.ExpiresAt),
        3 => new V2PutReply(dice.Of(V2Refusal.NoRendezvous, V2Refusal.PhaseOrder), null, null),
        4 => new V2PutReply(dice.Of(V2Refusal.PhaseConflict, V2Refusal.RoleTaken, V2Refusal.Open), reply.State, reply.ExpiresAt),
        _ => new V2PutReply(null, V2State.Open, reply.ExpiresAt),
    };

    public V2View OfView(V2PairSide side, V2View view)
    {
        _seen.AddRange(view.Messages);
        if (IsHonestNow || !dice.Chance(_rate))
        {
            return view;
        }

        return dice.Below(10) switch
        {
            0 => view with { State = dice.Of(V2State.Decided, V2State.Ended, V2State.Expired), Reason = dice.Of("cancelled", "wrong_code", "sealed", "no reason of ours", "file_corrupt") },
            1 => view with { ExpiresAt = dice.Of(DateTimeOffset.MinValue, DateTimeOffset.MaxValue, SimClock.Start, SimClock.Start.AddMinutes(5)) },
            2 => V2View.Refused(dice.Of(V2Refusal.NoRendezvous, V2Refusal.RoleTaken)),
            3 => view with { Own = dice.Below(2) == 0 ? [] : [0], Crowded = dice.Below(2) == 0 },
            4 => view with { Messages = [.. view.Messages.SkipLast(1)] },
            5 => view with { Messages = [.. view.Messages.Select(m => m with { Body = Bent(m.Body) })] },
            6 => view with { Messages = [.. view.Messages, new V2Message(9, dice.Of("{\"v\":2,\"reason\":\"cancelled\"}", "{\"v\":2,\"reason\":\"sealed\",\"sealed\":\"AAAA\"}", "{\"v\":3,\"reason\":\"x\"}", "{}"))] },
            7 when _seen.Count > 0 => view with { Messages = [.. view.Messages, _seen[dice.Below(_seen.Count)] with { Phase = dice.Below(4) }] },
            8 when _seen.Count > 0 => view with { Messages = [_seen[dice.Below(_seen.Count)] with { Phase = dice.Below(4) }] },
            _ => view with { Messages = [.. view.Messages.Reverse()] },
        };
    }

    private string Bent(string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        bytes[dice.Below(bytes.Length)] = (byte)dice.Of('A', '"', '}', '0', ' ');
        return dice.Below(4) switch
        {
            0 => "{}",
            1 => body.Replace("\"v\":2", "\"v\":3", StringComparison.Ordinal),
            2 => body + new string(' ', dice.Below(2) == 0 ? 10 : 70_000),
            _ => Encoding.UTF8.GetString(bytes),
        };
    }
}
