using WirePS.Relay.Storage;

namespace WirePS.Relay.Http;

/// <summary>What names a side of a rendezvous of protocol v2, in a path or in a body.</summary>
internal static class PairShape
{
    private const int LookupDigits = 64;
    private const int TokenDigits = 64;

    /// <exception cref="RequestRefusedException">One of them is out of shape.</exception>
    public static PairSide Side(string lookup, string roleName, string token)
    {
        if (!HexText.Is(lookup, LookupDigits))
        {
            throw RequestRefusedException.BadRequest($"a lookup is {LookupDigits} lowercase hex digits");
        }

        if (PairRoleNames.Parse(roleName) is not { } role)
        {
            throw RequestRefusedException.BadRequest("the role must be 'host' or 'guest'");
        }

        return HexText.Is(token, TokenDigits)
            ? new PairSide(lookup, role, TokenHash.Of(token))
            : throw RequestRefusedException.BadRequest($"a side token is {TokenDigits} lowercase hex digits");
    }

    /// <exception cref="RequestRefusedException">There is no such phase.</exception>
    public static int Phase(int number) =>
        PairPhases.IsPhase(number) ? number : throw RequestRefusedException.BadRequest("a phase is 0, 1, 2, 3 or 9");
}
