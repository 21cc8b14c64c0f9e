namespace WirePS.Pairing;

/// <summary>The pairing protocols of a home: which machine goes on with a pairing follows from its kind and its number.</summary>
/// <param name="protocols">The machines; one for each kind and number.</param>
public sealed class PairProtocols(IEnumerable<IPairProtocol> protocols)
{
    private readonly Dictionary<(string Kind, int Number), IPairProtocol> _protocols = protocols.ToDictionary(static p => (p.Kind, p.Number));

    /// <summary>The machine of a pairing.</summary>
    public IPairProtocol Of(PendingPair pair) => _protocols[(pair.Kind, pair.Protocol)];

    /// <summary>The machine of a code.</summary>
    /// <param name="number">The protocol that the code belongs to.</param>
    public ICodeProtocol OfCode(int number) => (ICodeProtocol)_protocols[(PairKinds.Code, number)];
}

/// <summary>The kinds of entries in the pending queue (wireps.md §4).</summary>
public static class PairKinds
{
    /// <summary>A pairing by code.</summary>
    public const string Code = "pair";

    /// <summary>An invite that was accepted here and waits for its issuer's acknowledgement.</summary>
    public const string Invite = "invite";

    /// <summary>This machine on its way to be a device of an identity (wireps.md §7).</summary>
    public const string Device = "device";
}
