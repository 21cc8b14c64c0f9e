namespace WirePS;

/// <summary>
/// A failure of WirePS with its stable reason. The message says what happened and names no secret;
/// <see cref="RecommendedAction"/> says what to do next.
/// </summary>
public class WireException : Exception
{
    /// <summary>Creates the failure.</summary>
    /// <param name="reason">The stable reason.</param>
    /// <param name="message">What happened, without secrets; null for the catalogue's meaning.</param>
    /// <param name="target">What it happened to: a file, a code's id, a URL. Never a secret.</param>
    /// <param name="inner">The cause, where there is one.</param>
    public WireException(WireReason reason, string? message = null, string? target = null, Exception? inner = null)
        : base(message ?? WireErrorCatalogue.Of(reason).Meaning, inner)
    {
        Reason = reason;
        Target = target;
    }

    /// <summary>The stable reason.</summary>
    public WireReason Reason { get; }

    /// <summary>What it happened to; null where nothing in particular.</summary>
    public string? Target { get; }

    /// <summary>The ErrorId that PowerShell shows: <c>Wire</c> + the reason.</summary>
    public string ErrorId => Reason.ToErrorId();

    /// <summary>What to do next.</summary>
    public string RecommendedAction => WireErrorCatalogue.Of(Reason).Action;

    /// <summary>The broad class of the failure, named as PowerShell's ErrorCategory.</summary>
    public WireErrorCategory Category => WireErrorCatalogue.Of(Reason).Category;
}
