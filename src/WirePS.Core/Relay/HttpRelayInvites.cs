using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using WirePS.Invites;

namespace WirePS.Relay;

/// <summary>A relay that keeps invites under short URLs (wire.md §4.11).</summary>
public interface IShortInvites
{
    /// <summary>POST /v1/invite/register.</summary>
    /// <param name="inviteUrl">The invite; a secret that the relay knows from then on.</param>
    /// <param name="lifetime">How long it is wanted for; a relay of ours keeps it for 7 days at most.</param>
    /// <param name="uses">How often it is shown; null for any number.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The short URL, and its end.</returns>
    Task<(string Url, DateTimeOffset ExpiresAt)> RegisterAsync(string inviteUrl, TimeSpan lifetime, int? uses, CancellationToken cancellationToken);

    /// <summary>GET of a short URL, as the bare invite.</summary>
    /// <param name="path">Path and query.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The invite's URL. Nothing of it is checked.</returns>
    Task<string> GetAsync(string path, CancellationToken cancellationToken);
}

/// <content>Short URLs of invites.</content>
public sealed partial class HttpRelay
{
    /// <inheritdoc/>
    async Task<(string Url, DateTimeOffset ExpiresAt)> IShortInvites.RegisterAsync(string inviteUrl, TimeSpan lifetime, int? uses, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["invite_url"] = inviteUrl, ["ttl_seconds"] = (long)Math.Max(1, lifetime.TotalSeconds), ["uses"] = uses };
        using var reply = await SendAsync(HttpMethod.Post, "/v1/invite/register", body, null, SmallReply, Timeout, cancellationToken).ConfigureAwait(false);
        var made = ObjectOf(reply, HttpStatusCode.Created);
        var path = TextOf(made, "path");
        return path?.StartsWith('/') == true && path.Length <= 256 && Uri.IsWellFormedUriString(Url + path, UriKind.Absolute)
            ? (Url + path, DateTimeOffset.FromUnixTimeSeconds(Math.Min(NumberOf(made, "expires_unix"), DateTimeOffset.MaxValue.ToUnixTimeSeconds())))
            : throw BadReply("path");
    }

    /// <inheritdoc/>
    async Task<string> IShortInvites.GetAsync(string path, CancellationToken cancellationToken)
    {
        using var reply = await SendAsync(HttpMethod.Get, path, null, null, InviteUrl.MaxCharacters + 64, Timeout, cancellationToken).ConfigureAwait(false);
        return reply.Status switch
        {
            HttpStatusCode.OK => Encoding.UTF8.GetString(reply.Content).Trim(),
            HttpStatusCode.Gone => throw new WireException(WireReason.InviteExpired, "The short URL is over, or was looked at as often as it may be."),
            HttpStatusCode.NotFound => throw new WireException(WireReason.InvalidInvite, string.Create(CultureInfo.InvariantCulture, $"{Url} knows no such short URL.")),
            _ => throw Refused(reply),
        };
    }
}
