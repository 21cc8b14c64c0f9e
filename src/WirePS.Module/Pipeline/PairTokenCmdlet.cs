using System.Management.Automation;
using WirePS.Devices;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that names pair tokens of its home.</summary>
public abstract class PairTokenCmdlet : WireCmdlet
{
    /// <summary>So many characters of an id are enough; the list shows more.</summary>
    private const int ShortestStart = 8;

    /// <summary>The tokens that one name stands for. <see cref="WireReason.TokenNotFound"/> where it is no wildcard and names none.</summary>
    internal async Task<IReadOnlyList<PairTokenInfo>> RequireAsync(string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        var all = await Engine.PairTokens.ListAsync(Cancellation);
        PairTokenInfo[] found = [.. all.Where(t => pattern.IsMatch(t.TokenHash) || (name.Length >= ShortestStart && t.TokenHash.StartsWith(name, StringComparison.OrdinalIgnoreCase)) || (t.Label is { } label && pattern.IsMatch(label)))];
        return found.Length > 0 || Missing.IsPattern(name) ? found : throw Missing.Of(WireReason.TokenNotFound, "This home has no pair token {0}.", name);
    }
}
