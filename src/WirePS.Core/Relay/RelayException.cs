namespace WirePS.Relay;

/// <summary>
/// A trouble with a relay that may pass: it is tried again until the deadline of what was to be done. The message may
/// quote what the relay sent; it goes to terminals, logs and the pairing's file, so it is made printable and kept short.
/// </summary>
public sealed class RelayException : WireException
{
    private const int MaxMessage = 500;

    /// <summary>Creates the failure.</summary>
    /// <param name="reason">One of the relay reasons.</param>
    /// <param name="message">What happened.</param>
    /// <param name="url">The relay.</param>
    /// <param name="retryAfter">How long the relay asks to be left alone; null where it does not say.</param>
    /// <param name="inner">The cause.</param>
    public RelayException(WireReason reason, string message, string url, TimeSpan? retryAfter = null, Exception? inner = null)
        : base(reason, Safe(message), url, inner)
    {
        RetryAfter = retryAfter;
    }

    /// <summary>How long the relay asks to be left alone; null where it does not say.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>True where the relay will not make a grant that was revoked before: trying again helps nothing.</summary>
    public bool IsGrantRevoked { get; init; }

    private static string Safe(string message) => Printable.Of(message.Length <= MaxMessage ? message : message[..MaxMessage] + "…")!;
}
