using System.Management.Automation;
using WirePS.Devices;

namespace WirePS.Module.Pipeline;

/// <summary>The error for what is not in a home: it names what was looked for.</summary>
internal static class Missing
{
    private const int LongestShown = 100;

    /// <summary>The error.</summary>
    /// <param name="reason">Its reason.</param>
    /// <param name="sentence">What is said; <c>{0}</c> stands for the name in quotation marks.</param>
    /// <param name="name">What the caller gave. Something that may be a secret, pasted into the wrong place, is not repeated.</param>
    internal static WireException Of(WireReason reason, string sentence, string name)
    {
        var shown = IsUrl(name) || PairToken.IsWellFormed(name.Trim()) ? "…" : Printable.Of(name.Length > LongestShown ? name[..LongestShown] + "…" : name);
        return new WireException(reason, sentence.Replace("{0}", $"'{shown}'", StringComparison.Ordinal), shown);
    }

    /// <summary>True where a name stands for whatever fits it, so that nothing may. A URL is none, though it has a question mark.</summary>
    internal static bool IsPattern(string name) => WildcardPattern.ContainsWildcardCharacters(name) && !IsUrl(name);

    private static bool IsUrl(string name) => name.Contains("://", StringComparison.Ordinal);
}
