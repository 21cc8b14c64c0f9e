namespace WirePS.Relay.Storage;

/// <summary>The data cannot be used; the message says why and what to do.</summary>
public sealed class StoreException : Exception
{
    /// <summary>Creates the failure.</summary>
    public StoreException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
