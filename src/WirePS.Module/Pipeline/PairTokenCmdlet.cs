using System.Management.Automation;
using WirePS.Devices;

namespace WirePS.Module.Pipeline;

/// <summary>A cmdlet that names pair tokens of its home.</summary>
public abstract class PairTokenCmdlet : WireCmdlet
{
    /// <summary>The tokens that one name stands for. <see cref="WireReason.TokenNotFound"/> where it is no wildcard and names none.</summary>
    internal async Task<IReadOnlyList<PairTokenInfo>> RequireAsync(string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.IgnoreCase);
        var all = await Engine.PairTokens.ListAsync(Cancellation);
        PairTokenInfo[] found = [.. all.Where(t => pattern.IsMatch(t.TokenHash) || (t.Label is { } label && pattern.IsMatch(label)))];
        return found.Length > 0 || WildcardPattern.ContainsWildcardCharacters(name) ? found : throw new WireException(WireReason.TokenNotFound);
    }
}
