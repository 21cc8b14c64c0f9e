using System.Net;
using System.Net.Sockets;

namespace WirePS.Relay;

/// <summary>Addresses of relays: one spelling for each, and which ones may be used.</summary>
public static class RelayUrl
{
    private static readonly string[] LocalDomains = [".local", ".internal", ".localhost", ".lan", ".home.arpa"];

    // An IPv4 address, possibly a private one, behind a translator.
    private static readonly IPNetwork Translation = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>
    /// Reads an address as a person types it: https, or http on loopback or where <paramref name="allowInsecure"/> says
    /// so; no user, path, query or fragment. <see cref="WireReason.RelayInvalidUrl"/>, <see cref="WireReason.RelayInsecure"/>.
    /// </summary>
    /// <returns>The one spelling: scheme, host and port, no slash at the end.</returns>
    public static string Parse(string text, bool allowInsecure = false)
    {
        if (!TryNormalize(text, out var url, out var uri))
        {
            throw new WireException(WireReason.RelayInvalidUrl, $"'{text}' is not the address of a relay.", text);
        }

        if (uri.Scheme == Uri.UriSchemeHttp && !IsLoopback(uri) && !allowInsecure)
        {
            throw new WireException(WireReason.RelayInsecure, $"'{url}' is reached without encryption.", url);
        }

        return url;
    }

    /// <summary>The one spelling of an address, whether it may be used or not; false where it is none.</summary>
    public static bool TryNormalize(string? text, out string url, out Uri uri)
    {
        url = "";
        if (!Uri.TryCreate(text?.Trim(), UriKind.Absolute, out uri!)
            || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)
            || uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0
            || uri.Host.Length == 0 || uri.AbsolutePath is not ("/" or ""))
        {
            return false;
        }

        url = uri.GetLeftPart(UriPartial.Authority).ToLowerInvariant();
        return true;
    }

    /// <summary>
    /// Whether an address that a peer sent may be used (pairing-v2.md §4): https, not loopback or private; the
    /// pairing's own relay always; loopback or private ones where that relay is one itself, http only on loopback.
    /// </summary>
    /// <param name="candidate">What the peer sent.</param>
    /// <param name="ownRelay">The relay that the pairing runs over.</param>
    /// <param name="url">The one spelling of the address.</param>
    public static bool IsUsableRoute(string? candidate, string ownRelay, out string url)
    {
        if (!TryNormalize(candidate, out url, out var uri))
        {
            return false;
        }

        if (!TryNormalize(ownRelay, out var own, out var ownUri))
        {
            return false;
        }

        if (url == own)
        {
            return true;
        }

        var ownIsNear = IsLoopback(ownUri) || IsPrivate(ownUri);
        if (IsLoopback(uri))
        {
            return ownIsNear;
        }

        return uri.Scheme == Uri.UriSchemeHttps && (!IsPrivate(uri) || ownIsNear);
    }

    private static bool IsLoopback(Uri uri) =>
        NameOf(uri) is "localhost" || (IPAddress.TryParse(uri.DnsSafeHost, out var address) && IPAddress.IsLoopback(Unmap(address)));

    private static bool IsPrivate(Uri uri)
    {
        if (!IPAddress.TryParse(uri.DnsSafeHost, out var parsed))
        {
            // A name without a dot, or one of the names that only mean something in a local network.
            var name = NameOf(uri);
            return !name.Contains('.', StringComparison.Ordinal) || LocalDomains.Any(domain => name.EndsWith(domain, StringComparison.Ordinal));
        }

        var address = Unmap(parsed);
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            return IPAddress.IsLoopback(address) || Translation.Contains(address)
                || address.IsIPv6LinkLocal || address.IsIPv6UniqueLocal || address.IsIPv6SiteLocal || address.IsIPv6Multicast
                || address.Equals(IPAddress.IPv6Any);
        }

        var b = address.GetAddressBytes();
        return b[0] is 0 or 10 or 127 or >= 224
            || (b[0] == 172 && b[1] is >= 16 and <= 31)
            || (b[0] == 192 && b[1] == 168)
            || (b[0] == 169 && b[1] == 254)
            || (b[0] == 100 && b[1] is >= 64 and <= 127);
    }

    // A dot at the end names the same machine.
    private static string NameOf(Uri uri) => uri.IdnHost.TrimEnd('.').ToLowerInvariant();

    private static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
