using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;
using WirePS.Simulation.World;

namespace WirePS.Simulation.Attacker;

/// <summary>
/// A relay that knows the code. Without more it stands between the two sides and pairs with each of them, which the
/// numbers give away but once in a thousand; what else it tries is in those that follow from it.
/// </summary>
internal class Adversary : IV2PairRoutes, IDisposable
{
    /// <summary>Who the attacker is, among the identities.</summary>
    public const int Identity = 2;

    private readonly Dictionary<(PairRole From, int Phase), string> _got = [];

    public Adversary(string code, Dice dice)
    {
        Code = code;
        Dice = dice;
        AsHost = new ForgedSide(PairRole.Host, code, dice);
        AsGuest = new ForgedSide(PairRole.Guest, code, dice);
    }

    protected string Code { get; }

    protected Dice Dice { get; }

    /// <summary>What the guest meets.</summary>
    protected ForgedSide AsHost { get; }

    /// <summary>What the host meets.</summary>
    protected ForgedSide AsGuest { get; }

    /// <summary>True where both victims would take each other's numbers for right.</summary>
    protected bool FoolsHost => AsGuest.Keys is { } host && AsHost.Keys is { } guest && host.SasGuest == guest.SasGuest;

    protected bool FoolsGuest => AsGuest.Keys is { } host && AsHost.Keys is { } guest && host.SasHost == guest.SasHost;

    public Task<V2PutReply> PutAsync(V2PairSide side, int phase, string body, TimeSpan? expiresIn, CancellationToken cancellationToken)
    {
        _got[(side.Role, phase)] = body;
        OnPut(side.Role, phase, body);
        return Task.FromResult(Answer(side.Role, phase));
    }

    public Task<V2View> ReadAsync(V2PairSide side, V2Known known, TimeSpan wait, CancellationToken cancellationToken) => Task.FromResult(View(side.Role, known.After));

    public Task<IReadOnlyList<V2News>> WaitAnyAsync(IReadOnlyList<(V2PairSide Side, V2Known Known)> sides, TimeSpan wait, CancellationToken cancellationToken) =>
        throw new NotSupportedException("Each side waits for itself here.");

    public Task<V2Refusal?> LeaveAsync(V2PairSide side, string reason, CancellationToken cancellationToken) => Task.FromResult<V2Refusal?>(null);

    public void Dispose()
    {
        AsHost.Dispose();
        AsGuest.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>What a side has sent; null while it has not.</summary>
    protected string? Got(PairRole from, int phase) => _got.GetValueOrDefault((from, phase));

    /// <summary>Looks at what a side sends: a relay sees everything.</summary>
    protected virtual void OnPut(PairRole from, int phase, string body)
    {
        if ((from, phase) is (PairRole.Guest, 0))
        {
            AsHost.Learn(body);
        }
        else if ((from, phase) is (PairRole.Host, 1))
        {
            AsGuest.Learn(body);
        }
    }

    /// <summary>What a side is told when it sends.</summary>
    protected virtual V2PutReply Answer(PairRole from, int phase) =>
        new(null, phase >= 2 ? V2State.Decided : V2State.Open, SimClock.Start + TimeSpan.FromHours(24));

    /// <summary>What a side is served as the other one's, of the phases there are.</summary>
    protected virtual string? Serve(PairRole to, int phase) => (to, phase) switch
    {
        (PairRole.Guest, 0) => AsHost.First(),
        (PairRole.Guest, 1) when AsHost.Keys is not null => HostReveal(),
        (PairRole.Guest, 2) when Got(PairRole.Guest, 2) is not null => AsHost.Accept(),
        (PairRole.Guest, 3) when Got(PairRole.Guest, 2) is not null => AsHost.Ack(),
        (PairRole.Host, 0) => AsGuest.First(),
        (PairRole.Host, 1) when AsGuest.Keys is not null => GuestReveal(),
        (PairRole.Host, 2) when Got(PairRole.Host, 2) is not null => AsGuest.Accept(),
        (PairRole.Host, 3) when Got(PairRole.Host, 2) is not null => AsGuest.Ack(),
        _ => null,
    };

    protected virtual string HostReveal() => AsHost.Second();

    protected virtual string GuestReveal() => AsGuest.Second();

    protected virtual V2View View(PairRole to, int after)
    {
        var messages = new List<V2Message>();
        for (var phase = after + 1; phase <= 3 && Serve(to, phase) is { } body; phase++)
        {
            messages.Add(new V2Message(phase, body));
        }

        int[] own = [.. Enumerable.Range(0, 4).Where(p => Got(to, p) is not null)];
        return new V2View(null, own.Contains(2) ? V2State.Decided : V2State.Open, null, SimClock.Start + TimeSpan.FromHours(24), false, own, messages);
    }

    /// <summary>Members of a message.</summary>
    protected static byte[][] Read(string body, params ReadOnlySpan<string> members) => V2Messages.Read(body, members);
}
