using System.Management.Automation;
using WirePS.Module.Output;

namespace WirePS.Module.Pipeline;

/// <summary>Failures as PowerShell shows them: ErrorId, category, target, message and what to do.</summary>
internal static class ErrorRecords
{
    private static readonly string PairFolder = Path.GetFileName(Identity.WireHome.Resolve(null).PendingPairFolder);

    /// <summary>The failure behind an exception; null where it is not one of WirePS.</summary>
    internal static WireException? ReasonOf(Exception error) => error switch
    {
        WireException wire => wire,

        // What a static field needs fails inside its initializer.
        TypeInitializationException { InnerException: { } inner } => ReasonOf(inner),
        _ => null,
    };

    /// <summary>The record of a failure.</summary>
    internal static ErrorRecord Of(WireException error)
    {
        object? target = error.Target;
        if (error.Target is { } path && IsPairFile(path))
        {
            // The name of a pairing's file is its code: it stands neither in the message nor in a cause.
            target = new WirePairFile(path);
            error = new WireException(error.Reason, error.Message.Replace(path, target.ToString(), StringComparison.Ordinal), target.ToString());
        }

        return new ErrorRecord(error, error.ErrorId, Enum.Parse<ErrorCategory>(error.Category.ToString()), target)
        {
            ErrorDetails = new ErrorDetails(Sentence(error)) { RecommendedAction = error.RecommendedAction },
        };
    }

    // An error about a file or folder says which one.
    private static string Sentence(WireException error) =>
        Path.IsPathRooted(error.Target) && !error.Message.Contains(error.Target, StringComparison.Ordinal) ? $"{error.Message} ('{error.Target}')" : error.Message;

    private static bool IsPairFile(string path) => Path.GetFileName(Path.GetDirectoryName(path)) == PairFolder;
}
