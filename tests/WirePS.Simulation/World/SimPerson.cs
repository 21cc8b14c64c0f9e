using WirePS.Pairing;

namespace WirePS.Simulation.World;

/// <summary>A person who reads a number out and types the other one: at once or much later, rightly or not, and who may change their mind.</summary>
internal sealed class SimPerson
{
    private enum Mistake
    {
        None,
        Early,
        FiveDigits,
        OwnDigits,
        WrongDigits,
    }

    private readonly SimSide _side;
    private readonly SimSide _other;
    private readonly List<Mistake> _mistakes = [];
    private readonly TimeSpan? _hesitates;
    private bool _repeats;
    private int _looks;
    private bool _hasConfirmed;

    public SimPerson(SimSide side, SimSide other)
    {
        _side = side;
        _other = other;
        var dice = World.Dice;
        foreach (var (mistake, likely) in new[] { (Mistake.Early, 0.1), (Mistake.FiveDigits, 0.1), (Mistake.OwnDigits, 0.1), (Mistake.WrongDigits, 0.04) })
        {
            if (dice.Chance(likely))
            {
                _mistakes.Add(mistake);
            }
        }

        _hesitates = dice.Chance(0.07) ? null : dice.Spread(dice.Chance(0.2) ? TimeSpan.FromHours(20) : TimeSpan.FromMinutes(1));
        _repeats = dice.Chance(0.2);
        if (dice.Chance(0.15))
        {
            World.Clock.In(dice.Spread(TimeSpan.FromHours(dice.Of(1, 1, 30))), Stop);
        }
    }

    private SimWorld World => _side.World;

    /// <summary>Looks at the screen now and then.</summary>
    public void Look()
    {
        if (_side.Pair is not { IsEnded: false } pair || ++_looks > 25)
        {
            return;
        }

        if (pair.Status < PairStatus.SasReady)
        {
            if (_mistakes.Remove(Mistake.Early))
            {
                Confirm("123456", WireReason.PairNotReady);
            }
        }
        else if (_other.Promises.Number is { } number && _hesitates is not null)
        {
            // The other side reads its number out as soon as it sees it.
            if (_mistakes.Remove(Mistake.FiveDigits))
            {
                Confirm(number[..5], WireReason.InvalidDigits);
            }
            else if (_mistakes.Remove(Mistake.OwnDigits) && pair.Sas != number && pair.Status == PairStatus.SasReady)
            {
                Confirm(pair.Sas!, WireReason.OwnDigits);
            }
            else if (_mistakes.Remove(Mistake.WrongDigits) && pair.Status == PairStatus.SasReady)
            {
                ConfirmWrong(pair, number);
            }
            else if (!_hasConfirmed || _repeats)
            {
                _repeats &= !_hasConfirmed;
                _side.Promises.Typed.Add(number);
                if (World.Dice.Chance(World.IsHonest ? 0.1 : 0.4))
                {
                    // Changes their mind at the worst moment.
                    World.Clock.In(World.Dice.Spread(TimeSpan.FromSeconds(20)), Stop);
                }

                _hasConfirmed = _side.Command("confirms", engine => Guarded(engine.Pairing.ConfirmAsync(_side.Key, number, CancellationToken.None), WireReason.PairEnded, WireReason.Expired)) && _side.Pair is not { Status: PairStatus.SasReady };
            }
        }

        World.Clock.In(World.Dice.Spread(TimeSpan.FromMinutes(10)) + (_other.Promises.Number is null || _looks > 1 ? TimeSpan.FromSeconds(5) : _hesitates ?? TimeSpan.FromHours(1)), Look);
    }

    private void Confirm(string digits, WireReason refusal)
    {
        var before = _side.Pair!.Version;
        _side.Command($"types digits that are refused ({refusal})", async engine =>
        {
            try
            {
                await engine.Pairing.ConfirmAsync(_side.Key, digits, CancellationToken.None).ConfigureAwait(false);
            }
            catch (WireException error) when (error.Reason is WireReason.Expired && refusal is WireReason.OwnDigits)
            {
                // Too late for any.
                return;
            }
            catch (WireException error) when (error.Reason == refusal)
            {
                if (_side.Pair!.Version != before)
                {
                    throw new BrokenPromiseException($"{_side.Name}: refused digits have changed something");
                }

                return;
            }

            if (refusal != WireReason.OwnDigits || _side.Pair.Status == PairStatus.SasReady)
            {
                throw new BrokenPromiseException($"{_side.Name}: {refusal} was to be expected");
            }
        });
    }

    private void ConfirmWrong(PendingPair pair, string number)
    {
        var wrong = number == "654321" || pair.Sas == "654321" ? "111111" : "654321";
        if (wrong == number || wrong == pair.Sas)
        {
            return;
        }

        _side.Deeds.Add(WireReason.SasMismatch);
        _side.Command("types a wrong number", engine => Guarded(engine.Pairing.ConfirmAsync(_side.Key, wrong, CancellationToken.None), WireReason.SasMismatch, WireReason.Expired));
    }

    private void Stop()
    {
        if (_side.Pair is { IsEnded: false })
        {
            _side.Deeds.Add(WireReason.Cancelled);
            if (!_side.Command("stops", engine => Guarded(engine.Pairing.StopAsync(_side.Key, CancellationToken.None), WireReason.PairEnded)))
            {
                World.Clock.In(TimeSpan.FromSeconds(10), Stop);
            }
        }
    }

    private static async Task Guarded(Task act, params WireReason[] expected)
    {
        try
        {
            await act.ConfigureAwait(false);
        }
        catch (WireException error) when (expected.Contains(error.Reason))
        {
            // The person is told.
        }
    }
}
