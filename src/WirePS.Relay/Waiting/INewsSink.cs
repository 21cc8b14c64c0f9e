namespace WirePS.Relay.Waiting;

/// <summary>Is told by the store, after a commit, what has changed. An engine with several nodes tells the board of every node.</summary>
public interface INewsSink
{
    /// <summary>Wakes whoever waits for <paramref name="key"/> (<see cref="NewsKey"/>).</summary>
    void Announce(string key);
}

/// <summary>The names under which things are announced.</summary>
public static class NewsKey
{
    /// <summary>A rendezvous.</summary>
    public static string Pair(string pairId) => "pair/" + pairId;

    /// <summary>A rendezvous of protocol v2: the lookup itself, which no other key looks like.</summary>
    public static string PairV2(string lookup) => lookup;

    /// <summary>A slot.</summary>
    public static string Slot(string slotId) => "slot/" + slotId;
}
