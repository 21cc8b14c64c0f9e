using WirePS.Identity;
using WirePS.Relay;

namespace WirePS.Module.Pipeline;

/// <summary>A handle at a relay, as people write it: <c>nick@relay</c>, or the handle alone where the relay is given otherwise.</summary>
internal static class HandleAddress
{
    /// <summary>Splits it. <see cref="WireReason.InvalidHandle"/>, and the reasons of <see cref="HomeSettings.ResolveRelay"/>.</summary>
    /// <param name="text">What was typed.</param>
    /// <param name="relay">The relay that was given beside it; it counts before the one in the text.</param>
    /// <param name="allowInsecure">True where plain http to another machine is accepted.</param>
    /// <param name="settings">The home's settings.</param>
    internal static (string Handle, string RelayUrl) Parse(string text, string? relay, bool allowInsecure, HomeSettings settings)
    {
        if (!text.Contains('@', StringComparison.Ordinal))
        {
            return (text, settings.ResolveRelay(relay, allowInsecure));
        }

        return HandleRules.TryParseAddress(text, out var handle, out var domain)
            ? (handle, relay is null ? HandleRules.RelayUrl(domain) : RelayUrl.Parse(relay, allowInsecure))
            : throw Missing.Of(WireReason.InvalidHandle, "{0} is no address of the form handle@relay.", text);
    }
}
